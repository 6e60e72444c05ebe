import { readFile, readlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfiguredNode } from './support/configured-node.ts';
import type { PodContents } from './support/configured-node.ts';

/** What a node gives to pods and containers beside what they ask for. */

const VOLUMES = 'registry.k8s.io/davit/volumes:latest';
const CONFIG = `
[pods.sysctls]
"net.core.somaxconn" = "1234"
"kernel.shm_rmid_forced" = "1"

[containers]
env = ["LANG=node", "PATH=/nowhere", "ZONE=node"]
ulimits = { nofile = "100:200", core = "0" }
umask = "0027"
timezone = "local"
image_volumes = "ignore"
device_ownership = true
min_memory = "6MiB"
additional_devices = ["/dev/null:/dev/nothing:rw"]
unset_seccomp = "runtime-default"

[handlers.closed]
privileged_without_host_devices = true
cgroup_writable = true
`;

let node: ConfiguredNode;

beforeAll(async () => {
  node = await ConfiguredNode.start(CONFIG, VOLUMES);
});

afterAll(() => node[Symbol.asyncDispose]());

async function output(name: string, contents: PodContents): Promise<readonly string[]> {
  return await node.output(name, contents);
}

const SYSCTLS = ['net.core.somaxconn', 'kernel.shm_rmid_forced', 'net.ipv4.ip_unprivileged_port_start'];
const readSysctls = SYSCTLS.map((name) => `cat /proc/sys/${name.replaceAll('.', '/')}`).join('; ');

describe('the defaults of a node', () => {
  it('set sysctls where the namespace is the pod’s own, under what the pod asks for', async () => {
    expect(await output('sysctls', { script: readSysctls })).toEqual(['1234', '1', '0']);
    const asked = { linux: { sysctls: { 'net.core.somaxconn': '77' } } };
    expect((await output('asked', { script: readSysctls, sandbox: asked }))[0]).toBe('77');
    const before = await Promise.all(SYSCTLS.map((name) => readFile(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8')));
    const namespaceOptions = { network: 'NODE', ipc: 'NODE' };
    const shared = await output('node', { script: readSysctls, security: { namespaceOptions } });
    expect(shared).toEqual(before.map((value) => value.trim()));
  });

  it('give environment, limits, mode of new files and time zone', async () => {
    const script =
      'echo $LANG $ZONE; ulimit -Sn; ulimit -Hn; ulimit -c; umask; readlink -f /etc/localtime; grep -c " /etc/localtime " /proc/mounts';
    const envs = [{ key: 'ZONE', value: Buffer.from('request') }];
    const lines = await output('process', { script, container: { envs } });
    expect(lines.slice(0, 5)).toEqual(['node request', '100', '200', '0', '0027']);
    expect(lines.at(-1)).toBe('1');
    expect(await readlink('/etc/localtime')).toContain('zoneinfo');
  });

  it('confine who asks for nothing', async () => {
    const script = 'grep ^Seccomp: /proc/self/status';
    expect(await output('unset', { script })).toEqual(['Seccomp:\t2']);
    const security = { seccomp: { profileType: 'Unconfined' } };
    expect(await output('unconfined', { script, security })).toEqual(['Seccomp:\t0']);
  });

  it('let an image’s volumes be, and give devices to who runs', async () => {
    const devices = [{ containerPath: '/dev/mine', hostPath: '/dev/null', permissions: 'rw' }];
    const security = { runAsUser: { value: 1000 }, runAsGroup: { value: 1001 } };
    const script = 'stat -c "%u %g" /dev/mine; grep -c " /data " /proc/mounts; true';
    expect(await output('volumes', { script, security, container: { devices } })).toEqual(['1000 1001', '0']);
  });

  it('give devices of the node, as they are, and refuse too little memory by name', async () => {
    const security = { runAsUser: { value: 1000 }, runAsGroup: { value: 1001 } };
    const script = 'stat -c "%t %T %u %g" /dev/nothing; echo x > /dev/nothing && echo written';
    expect(await output('devices', { script, security })).toEqual(['1 3 0 0', 'written']);
    const linux = { resources: { memoryLimitInBytes: 5 * 1024 ** 2 } };
    await expect(output('memory', { script, container: { linux } })).rejects.toThrow(
      'config.linux.resources.memory_limit_in_bytes',
    );
  });

  it('are a handler’s own for devices of the privileged and for cgroups', async () => {
    const script =
      'ls /dev/kmsg; grep -c "^cgroup.* /sys/fs/cgroup/.* rw,\\|^cgroup2 /sys/fs/cgroup rw," /proc/mounts; true';
    const security = { privileged: true };
    const [open] = await output('open', { script, security });
    expect(open).toBe('/dev/kmsg');
    const [closed] = await output('closed', { script, security, handler: 'closed' });
    expect(closed).toMatch(/No such file/);
    const own = 'd=/sys/fs/cgroup; [ ! -d $d/memory ] || d=$d/memory; mkdir $d/own && rmdir $d/own && echo made';
    expect(await output('writable', { script: own, handler: 'closed' })).toEqual(['made']);
    expect((await output('readonly', { script: own })).join()).toContain('Read-only');
  });
});
