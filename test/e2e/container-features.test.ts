import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { dir, text } from '../../hack/images/trees.ts';
import { output, refusal, shMerged } from './support/containers.ts';
import { makeImage } from './support/images.ts';
import { BUSYBOX, Pod, crictlJson, eventually, exited, mustCrictl, nodeEnv } from './support/node.ts';
import { must } from './support/run.ts';

const [POD, CONTAINER, NODE, TARGET] = [0, 1, 2, 3];
const STRICT = 1;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

describe('who a container runs as', () => {
  const files = [
    dir('etc'),
    text('etc/passwd', 'root:x:0:0::/root:/bin/sh\nweb:x:33:34::/:/bin/sh\n'),
    text('etc/group', 'root:x:0:\nstaff:x:50:\n'),
  ];

  it('is what the image says, in all the ways in which it may', async () => {
    const users = {
      '': '0 0',
      '33': '33 34',
      '33:44': '33 44',
      web: '33 34',
      'web:44': '33 44',
      'web:staff': '33 50',
      '33:staff': '33 50',
      '4242': '4242 0',
      '2147483647': '2147483647 0',
    };
    await using pod = await Pod.run('who');
    const found = Object.keys(users).map(async (user, n): Promise<[string, string]> => {
      const image = await makeImage(`who${n}`, { entries: files, config: { User: user } });
      return [user, (await output(pod, `c${n}`, { ...shMerged('echo $(id -u) $(id -g)'), image: { image } })).join()];
    });
    expect(Object.fromEntries(await Promise.all(found))).toEqual(users);
  });

  it('is an error where the image says what is nobody', async () => {
    await using pod = await Pod.run('nobody');
    const refused = ['no-such-user', 'root:no-such-group', ':0', 'a:b:c'].map(async (user, n) => {
      const image = await makeImage(`nobody${n}`, { config: { User: user } });
      return await refusal(pod, { ...shMerged('id'), metadata: { name: `c${n}` }, image: { image } });
    });
    for (const message of await Promise.all(refused)) expect(message).toMatch(/InvalidArgument.*USER/);
  });

  it('is the user that is named by the request, whose groups are those of the image', async () => {
    const image = await makeImage('named', {
      entries: [...files.slice(0, 2), text('etc/group', 'root:x:0:\nstaff:x:50:web\n')],
    });
    await using pod = await Pod.run('named');
    const context = { run_as_username: 'web', supplemental_groups: [60] };
    const merged = { ...shMerged('id -u; id -G'), image: { image }, linux: { security_context: context } };
    expect(await output(pod, 'merge', merged)).toEqual(['33', '34 50 60']);
    const strict = await pod.start('strict', {
      ...merged,
      linux: { security_context: { ...context, supplemental_groups_policy: STRICT } },
    });
    await exited(strict);
    expect((await pod.log('strict')).map((line) => line.text)).toEqual(['33', '34 60']);
    const { status } = await crictlJson<{ status: { user: object } }>('inspect', strict);
    expect(status.user).toEqual({ linux: { uid: '33', gid: '34', supplementalGroups: ['34', '60'] } });
  });

  it('is an error where a group is asked for and no user', async () => {
    const context = { run_as_group: { value: 1000 } };
    await using pod = await Pod.run('group');
    expect(await refusal(pod, { linux: { security_context: context } })).toMatch(/InvalidArgument.*run_as_group/);
    await expect(Pod.run('pod-group', { linux: { security_context: context } })).rejects.toThrow('run_as_group');
  });
});

describe('what a container is told', () => {
  it('labels and annotations come back as they went', async () => {
    const labels = { app: 'w€b', 'k8s.io/x': '' };
    const annotations = { 'a.b/c': '{"json":\n "ünïcode"}', empty: '' };
    await using pod = await Pod.run('maps', { labels, annotations });
    const id = await pod.create('main', { labels, annotations });
    const { status } = await crictlJson<{ status: object }>('inspect', id);
    expect(status).toMatchObject({ labels, annotations });
    const podStatus = await crictlJson<{ status: object }>('inspectp', pod.id);
    expect(podStatus.status).toMatchObject({ labels, annotations });
  });

  it('environment, command and folder are those of the request, else of the image', async () => {
    const image = await makeImage('told', {
      config: {
        Env: ['A=image', 'B=image', 'PATH=/bin'],
        Entrypoint: ['sh', '-c'],
        Cmd: ['echo $A $B; pwd'],
        WorkingDir: '/not/there',
      },
    });
    await using pod = await Pod.run('told');
    expect(await output(pod, 'image', { command: [], image: { image } })).toEqual(['image image', '/not/there']);
    const args = { command: [], args: ['echo $A $B $C'], image: { image } };
    const envs = [
      { key: 'B', value: 'request' },
      { key: 'C', value: 'a=b c' },
    ];
    expect(await output(pod, 'args', { ...args, envs, working_dir: '/tmp' })).toEqual(['image request a=b c']);
    expect(await output(pod, 'command', { command: ['echo', '$A'], image: { image } })).toEqual(['$A']);
  });

  it('the signal that stops it is that of the request, else of the image', async () => {
    const image = await makeImage('signal', { config: { StopSignal: 'SIGUSR2' } });
    await using pod = await Pod.run('signal');
    const script = "trap 'exit 12' USR2; trap 'exit 10' USR1; echo ready; while :; do sleep 0.1; done";
    const ids = [
      await pod.start('image', { ...shMerged(script), image: { image } }),
      await pod.start('request', { ...shMerged(script), image: { image }, stop_signal: 29 }),
    ];
    for (const name of ['image', 'request']) {
      await eventually('its trap', async () => ((await pod.log(name)).length > 0 ? true : undefined));
    }
    for (const id of ids) await mustCrictl('stop', '--timeout', '60', id);
    expect(await Promise.all(ids.map(async (id) => (await exited(id)).exitCode))).toEqual([12, 10]);
  });
});

describe('namespaces of a container', () => {
  it('are its pod’s, or another container’s for PIDs', async () => {
    const own = { namespace_options: { pid: CONTAINER } };
    await using pod = await Pod.run('target', { linux: { security_context: own } });
    const target = await pod.start('target', { ...shMerged('sleep 1234'), linux: { security_context: own } });
    const joined = { namespace_options: { pid: TARGET, target_id: target } };
    const lines = await output(pod, 'joined', {
      ...shMerged('cat /proc/1/cmdline | tr "\\0" " "'),
      linux: { security_context: joined },
    });
    expect(lines.join()).toContain('sleep 1234');
    const missing = { namespace_options: { pid: TARGET, target_id: 'f'.repeat(64) } };
    expect(await refusal(pod, { linux: { security_context: missing } })).toContain('target_id');
  });

  it('are the node’s where the pod has them', async () => {
    const context = { namespace_options: { network: NODE, pid: NODE, ipc: NODE } };
    await using pod = await Pod.run('node', { linux: { security_context: context } });
    const script = 'for n in net pid ipc uts; do readlink /proc/self/ns/$n; done';
    const lines = await output(pod, 'main', { ...shMerged(script), linux: { security_context: context } });
    const own = await must('sh', ['-c', script]);
    expect(lines).toEqual(own.split('\n'));
  });

  it('share /dev/shm among the containers of a pod, unless one has its own', async () => {
    const context = { namespace_options: { pid: POD } };
    await using pod = await Pod.run('shm', { linux: { security_context: context } });
    await output(pod, 'writer', shMerged('echo shared > /dev/shm/file'));
    expect(
      await output(
        pod,
        'reader',
        shMerged('cat /dev/shm/file; df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2'),
      ),
    ).toEqual(['shared', '65536']);
    const volume = join(pod.dir, 'shm');
    await mkdir(volume);
    await must('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'shm', volume]);
    try {
      const mounts = [{ container_path: '/dev/shm', host_path: volume }];
      const script = 'ls /dev/shm | wc -l; df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2';
      expect((await output(pod, 'own', { ...shMerged(script), mounts })).map((line) => line.trim())).toEqual([
        '0',
        '8192',
      ]);
    } finally {
      await must('umount', [volume]);
    }
  });
});

describe('mounts of a container', () => {
  it('spread as they were asked to', async () => {
    await using pod = await Pod.run('spread', { linux: { security_context: { privileged: true } } });
    const shared = join(pod.dir, 'shared');
    await mkdir(shared);
    await must('mount', ['-t', 'tmpfs', 'top', shared]);
    await must('mount', ['--make-shared', shared]);
    try {
      await Promise.all(['private', 'slave', 'both', 'later'].map((name) => mkdir(join(shared, name))));
      const mount = (propagation: number): object => ({ container_path: '/vol', host_path: shared, propagation });
      const wait =
        'while ! grep -q " /vol/later " /proc/mounts && [ ! -e /vol/stop ]; do sleep 0.1; done; grep -c " /vol/later " /proc/mounts; true';
      const script = (name: string): string => `mount -t tmpfs in /vol/${name} || echo no; echo ready; ${wait}`;
      const linux = { security_context: { privileged: true } };
      const names = ['private', 'slave', 'both'];
      for (const [propagation, name] of names.entries()) {
        await pod.start(name, { ...shMerged(script(name)), mounts: [mount(propagation)], linux });
      }
      for (const name of names) {
        await eventually(`${name} is ready`, async () => ((await pod.log(name)).length > 0 ? true : undefined));
      }
      const mounts = await readFile('/proc/self/mountinfo', 'utf8');
      expect(names.filter((name) => mounts.includes(` ${join(shared, name)} `))).toEqual(['both']);
      await must('mount', ['-t', 'tmpfs', 'later', join(shared, 'later')]);
      await writeFile(join(shared, 'stop'), '');
      const seen = async (name: string): Promise<string | undefined> => {
        const lines = await pod.log(name);
        return lines.length > 1 ? lines.at(-1)?.text : undefined;
      };
      const counts = names.map((name) => eventually(`what ${name} saw`, () => seen(name)));
      expect(await Promise.all(counts)).toEqual(['0', '1', '1']);
    } finally {
      await must('umount', ['-R', shared]);
    }
  });

  it('may lie in each other, follow links on the node, and be made where the image has nothing', async () => {
    await using pod = await Pod.run('places');
    await mkdir(join(pod.dir, 'a'));
    await writeFile(join(pod.dir, 'file'), 'a file\n');
    await symlink('a', join(pod.dir, 'link'));
    await writeFile(join(pod.dir, 'a', 'x'), 'through the link\n');
    const mounts = [
      { container_path: '/new/folder/inner.txt', host_path: join(pod.dir, 'file') },
      { container_path: '/new/folder', host_path: join(pod.dir, 'link') },
    ];
    const lines = await output(pod, 'main', { ...shMerged('cat /new/folder/x /new/folder/inner.txt'), mounts });
    expect(lines).toEqual(['through the link', 'a file']);
  });
});

describe('devices of a container', () => {
  it('are those that were asked for, with the rights that were asked for', async () => {
    await using pod = await Pod.run('devices');
    const devices = [
      { container_path: '/dev/mine', host_path: '/dev/zero', permissions: 'r' },
      { container_path: '/dev/full2', host_path: '/dev/full', permissions: 'rwm' },
    ];
    const script = 'head -c 2 /dev/mine | wc -c; echo x > /dev/full2; ls /dev/kmsg';
    const lines = await output(pod, 'main', { ...shMerged(script), devices });
    expect(lines[0]?.trim()).toBe('2');
    expect(lines.slice(1).join()).toMatch(/No space left.*No such file/);
    const missing = [{ container_path: '/dev/x', host_path: '/dev/no-such-device', permissions: 'rwm' }];
    expect(await refusal(pod, { devices: missing })).toMatch(/devices\[0\]\.host_path.*no-such-device/);
  });

  it('are all of the node where the container is privileged, and /sys can be written to', async () => {
    await using pod = await Pod.run('privileged', { linux: { security_context: { privileged: true } } });
    const linux = { security_context: { privileged: true } };
    const script =
      'ls -d /dev/kmsg /dev/loop-control; grep -c " /sys .*rw," /proc/mounts; head -c 1 /dev/kmsg > /dev/null && echo read';
    expect(await output(pod, 'main', { ...shMerged(script), linux })).toEqual(
      expect.arrayContaining(['/dev/kmsg', '1', 'read']),
    );
  });
});

describe('the cgroup of a pod', () => {
  it('is below the parent that was asked for, and the parent stays', async () => {
    const owner = `davit-parent-${nodeEnv()['DAVIT_NODE']}`;
    const parent = `/${owner}/pod${Date.now()}`;
    let id: string;
    {
      await using pod = await Pod.run('parent', { linux: { cgroup_parent: parent } });
      id = await pod.start('main');
      const { info } = await crictlJson<{ info: { pid: number } }>('inspect', id);
      const lines = (await readFile(`/proc/${info.pid}/cgroup`, 'utf8')).trim().split('\n');
      expect(lines.some((line) => line.includes(`${parent}/${id}`))).toBe(true);
    }
    const left = await must('find', ['/sys/fs/cgroup', '-type', 'd', '-path', `*${parent}*`]);
    expect(left.split('\n').filter((path) => path.includes(id))).toEqual([]);
    // Whoever named the parent owns it.
    const folders = left.split('\n').filter(Boolean).toReversed();
    for (const folder of folders) await must('rmdir', [folder]);
    await must('find', ['/sys/fs/cgroup', '-type', 'd', '-name', owner, '-delete']);
  });
});
