import { chown, readFile, readlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { BUSYBOX, Pod, crictlJson, exited, mustCrictl } from './support/node.ts';

const VOLUMES = 'registry.k8s.io/davit/volumes:latest';
const MAP = { host_id: 131_072, container_id: 0, length: 65_536 };

let able: boolean;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  await mustCrictl('pull', VOLUMES);
  const info = await crictlJson<{ runtimeHandlers: { features: { user_namespaces?: boolean } }[] }>('info');
  able = info.runtimeHandlers[0]?.features.user_namespaces === true;
});

function pod(name: string, pid: number): Promise<Pod> {
  const userns_options = { mode: 0, uids: [MAP], gids: [MAP] };
  return Pod.run(name, {
    linux: { sysctls: { 'kernel.shmmax': '65536' }, security_context: { namespace_options: { pid, userns_options } } },
  });
}

describe('a pod with a user namespace, by crictl', () => {
  // Where the node's runtime, kernel or snapshotter cannot, the same request is refused by name: one of the two is true of any node.
  it('K23: runs with ids of its own, or is refused by name where the node cannot', async () => {
    const ids: string[] = [];
    const refused = await check(ids).catch(String);
    expect(refused ?? 'ran').toMatch(able ? /^ran$/ : /userns_options: handler runc cannot give user namespaces/);
    const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
    expect(ids.filter((id) => mountinfo.includes(id))).toEqual([]);
  });
});

describe('a pod with a user namespace in the network of the node, by crictl', () => {
  it('K23: runs as well, or is refused by name where the node cannot', async () => {
    const { features } = await crictlJson<{ features: { user_namespaces_host_network?: boolean } }>('info');
    expect(features.user_namespaces_host_network === true).toBe(able);
    const refused = await checkNodeNetwork().catch(String);
    expect(refused ?? 'ran').toMatch(able ? /^ran$/ : /userns_options: handler runc cannot give user namespaces/);
  });
});

async function checkNodeNetwork(): Promise<void> {
  const userns_options = { mode: 0, uids: [MAP], gids: [MAP] };
  const namespace_options = { network: 2, pid: 1, userns_options };
  await using made = await Pod.run('userns-node', { linux: { security_context: { namespace_options } } });
  const script = `readlink /proc/self/ns/net; tr -s ' ' < /proc/self/uid_map; ls -d /sys/class/net/lo /sys/fs/cgroup
    touch /sys/fs/x || echo read-only; touch /x && echo written; hostname; ip link set lo down || echo refused`;
  await exited(await made.start('main', { command: ['sh', '-c', `exec 2>/dev/null; ${script}`] }));
  expect((await made.log('main')).map((line) => line.text.trim())).toEqual([
    await readlink('/proc/self/ns/net'),
    '0 131072 65536',
    '/sys/class/net/lo',
    '/sys/fs/cgroup',
    'read-only',
    'written',
    hostname(),
    'refused',
  ]);
}

async function check(ids: string[]): Promise<void> {
  for (const pid of [0, 1]) {
    await using made = await pod(`userns-${pid}`, pid);
    ids.push(made.id);
    const file = join(made.dir, 'file');
    await writeFile(file, 'x');
    await chown(file, 33, 33);
    const id = await made.start('main', {
      image: { image: VOLUMES },
      command: [
        'sh',
        '-c',
        'cat /proc/self/uid_map /proc/sys/kernel/shmmax; touch /x /data/x; stat -c "%u %n" /data /bound /plain /image/data /x; sleep 1000',
      ],
      mounts: [
        { container_path: '/bound', host_path: file, uidMappings: [MAP], gidMappings: [MAP] },
        { container_path: '/plain', host_path: file },
        { container_path: '/image', image: { image: VOLUMES }, readonly: true },
      ],
    });
    await expect
      .poll(async () => (await made.log('main')).map((line) => line.text.trim().split(/ +/).join(' ')))
      .toEqual(['0 131072 65536', '65536', '0 /data', '33 /bound', '65534 /plain', '0 /image/data', '0 /x']);
    const { info } = await crictlJson<{ info: { pid: number } }>('inspect', id);
    expect(await readFile(`/proc/${info.pid}/status`, 'utf8')).toContain('Uid:\t131072\t131072');
    ids.push(id);
    await mustCrictl('stop', '--timeout', '0', id);
    expect(await exited(id)).toMatchObject({ exitCode: 137 });
  }
}
