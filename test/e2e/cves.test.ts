import { chmod, mkdir, readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { dir, text } from '../../hack/images/trees.ts';
import { output, refusal, shMerged } from './support/containers.ts';
import { connectCri } from './support/cri-client.ts';
import { makeImage } from './support/images.ts';
import {
  BUSYBOX,
  Pod,
  crictlJson,
  ctr,
  davitdPid,
  exited,
  mustCrictl,
  nodeEnv,
  restartDavitd,
} from './support/node.ts';

/** What has broken other runtimes, each by the number under which it became known. */

const NAMESPACE_NODE = 2;
const MEBIBYTE = 1024 * 1024;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

interface Inspected {
  readonly info: { readonly runtimeSpec: { readonly annotations: Readonly<Record<string, string>> } };
}

describe('a pod', () => {
  it('CVE-2020-15257: on the network of the node sees no abstract socket of a shim or of davit', async () => {
    await using pod = await Pod.run('abstract', {
      linux: { security_context: { namespace_options: { network: NAMESPACE_NODE } } },
    });
    const lines = await output(pod, 'main', shMerged('cat /proc/net/unix'));
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.filter((line) => /@.*(shim|containerd|davit|pump)/.test(line))).toEqual([]);
  });

  it.each([
    ['net.ipv4.ping_group_range', "1024 65000'+'kernel.core_pattern=|/x"],
    ['kernel.shm_rmid_forced', '1+kernel.core_pattern=x'],
    ['kernel.shm_rmid_forced=1+kernel.core_pattern', 'x'],
    ['kernel.core_pattern', '|/x'],
  ])('CVE-2022-0811: sets no sysctl of the node by the way: %s', async (name, value) => {
    const before = await readFile('/proc/sys/kernel/core_pattern', 'utf8');
    await expect(Pod.run('smuggler', { linux: { sysctls: { [name]: value } } })).rejects.toThrow('InvalidArgument');
    expect(await readFile('/proc/sys/kernel/core_pattern', 'utf8')).toBe(before);
  });

  it('CVE-2024-3154: hands no annotation to systemd or the runtime', async () => {
    const annotations = {
      'org.systemd.property.ExecStartPre': "['/bin/sh', '-c', 'touch /tmp/owned']",
      'run.oci.hooks': 'x',
    };
    await using pod = await Pod.run('annotated', { annotations });
    const id = await pod.start('main', { annotations });
    const { info } = await crictlJson<Inspected>('inspect', id);
    const names = Object.keys(info.runtimeSpec.annotations);
    expect(names.filter((name) => !/^io\.(kubernetes\.cri|containerd\.runc)\./.test(name))).toEqual([]);
  });
});

describe("davitd's folders", () => {
  it('CVE-2021-41103, CVE-2024-25621: are its own, also those that were open to all before', async () => {
    await using pod = await Pod.run('modes');
    const node = nodeEnv()['DAVIT_NODE'];
    const [root, state] = [`/var/lib/davit-${node}/davit`, `/run/davit-${node}/davit`];
    for (const folder of [root, state]) await chmod(folder, 0o755);
    await restartDavitd({ kill: false });
    const modes = [root, state, join(state, 'sandboxes', pod.id)].map(async (path) => (await stat(path)).mode & 0o777);
    expect(await Promise.all(modes)).toEqual([0o700, 0o711, 0o700]);
  });
});

describe('a container', () => {
  it('CVE-2025-0750: writes no log outside of the log folder of its pod', async () => {
    await using pod = await Pod.run('logs');
    for (const logPath of ['../../escaped.log', '/tmp/escaped.log', 'a/../../escaped.log']) {
      expect(await refusal(pod, { ...shMerged('true'), log_path: logPath })).toMatch(
        /InvalidArgument.*config\.log_path/,
      );
    }
  });

  it('CVE-2021-21334: has its own environment, also when fifty are made at once', { timeout: 240_000 }, async () => {
    await using pod = await Pod.run('environments');
    using cri = connectCri();
    const names = Array.from({ length: 50 }, (_, index) => `c${index}`);
    await Promise.all(
      names.map(async (name) => {
        const { containerId } = await cri.call<{ containerId: string }>('CreateContainer', {
          podSandboxId: pod.id,
          config: {
            metadata: { name },
            image: { image: BUSYBOX },
            command: ['env'],
            logPath: `${name}.log`,
            envs: [
              { key: 'NAME', value: Buffer.from(name) },
              { key: `ONLY_${name}`, value: Buffer.from('yes') },
            ],
          },
        });
        await cri.startContainer(containerId);
        await cri.exited(containerId);
      }),
    );
    for (const name of names) {
      const variables = (await pod.log(name)).map((line) => line.text);
      expect(variables.filter((variable) => !/^(PATH|HOSTNAME|HOME)=/.test(variable)).sort()).toEqual([
        `NAME=${name}`,
        `ONLY_${name}=yes`,
      ]);
    }
  });

  it('CVE-2022-0492: cannot mount a cgroup, by a user namespace either', async () => {
    await using pod = await Pod.run('cgroups');
    const script = `mkdir -p /mnt
      mount -t cgroup -o memory cgroup /mnt || mount -t cgroup2 none /mnt || echo refused
      unshare -U -r -m -C mount -t cgroup -o memory cgroup /mnt || echo refused`;
    const linux = { security_context: { seccomp: { profile_type: 0 } } };
    const lines = await output(pod, 'main', { ...shMerged(script), linux });
    expect(lines.filter((line) => line === 'refused')).toHaveLength(2);
  });

  it('CVE-2022-2995, CVE-2023-25173: is in the groups that were asked for, and a group without rights has none', async () => {
    const group = text('etc/group', 'root:x:0:\nweb:x:1000:\nextra:x:50000:web\n');
    const passwd = text('etc/passwd', 'root:x:0:0::/root:/bin/sh\nweb:x:1000:2000::/:/bin/sh\n');
    const image = await makeImage('groups', {
      entries: [dir('etc'), group, passwd, text('everyone-but-2000', 'secret\n', 0o604)],
    });
    await using pod = await Pod.run('groups');
    const context = { run_as_user: { value: 1000 }, supplemental_groups: [3000] };
    const options = { image: { image }, linux: { security_context: context } };
    expect(await output(pod, 'main', { ...shMerged('id -u; id -g; id -G'), ...options })).toEqual([
      '1000',
      '2000',
      '2000 3000 50000',
    ]);
    const dropped = { ...context, supplemental_groups_policy: 1 };
    const strict = { ...shMerged('id -G'), image: { image }, linux: { security_context: dropped } };
    expect(await output(pod, 'strict', strict)).toEqual(['2000 3000']);
    const denied = join(pod.dir, 'denied');
    await mkdir(denied);
    const owner = shMerged('echo secret > /v/file && chown 0:2000 /v/file && chmod 604 /v/file && chmod 755 /v');
    const mounts = [{ container_path: '/v', host_path: denied }];
    await output(pod, 'owner', { ...owner, mounts });
    expect(await output(pod, 'reader', { ...shMerged('cat /v/file'), ...options, mounts })).toEqual([
      "cat: can't open '/v/file': Permission denied",
    ]);
  });

  it('CVE-2022-4318, CVE-2026-15809: adds no user by what its environment says', async () => {
    await using pod = await Pod.run('home');
    const home = '/root\nx::0:0::/:/bin/sh';
    const options = {
      ...shMerged('cat /etc/passwd; id x || echo nobody'),
      envs: [{ key: 'HOME', value: home }],
      linux: { security_context: { run_as_user: { value: 4242 } } },
    };
    const lines = await output(pod, 'main', options);
    expect(lines.filter((line) => line.startsWith('x:') || line.includes('4242'))).toEqual([]);
    expect(lines.at(-1)).toBe('nobody');
  });

  it('CVE-2023-6476: keeps its limits, whatever annotations say', async () => {
    const annotations = {
      'cpu-load-balancing.crio.io': 'disable',
      'cpu-quota.crio.io': 'disable',
      'cpu-quota.crio.io/main': 'disable',
      'io.kubernetes.cri-o.UnifiedCgroup': 'memory.high=max',
    };
    await using pod = await Pod.run('limits', { annotations });
    const resources = { cpu_quota: 50_000, cpu_period: 100_000, memory_limit_in_bytes: 64 * MEBIBYTE };
    const files = '/sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/memory/memory.limit_in_bytes';
    const script = `cd /sys/fs/cgroup; if [ -e cpu.max ]; then cut -d ' ' -f 1 cpu.max; cat memory.max; else cat ${files}; fi`;
    const options = { ...shMerged(script), annotations, linux: { resources } };
    expect(await output(pod, 'main', options)).toEqual(['50000', String(64 * MEBIBYTE)]);
  });
});

describe('the user of an image', () => {
  const passwd = text(
    'etc/passwd',
    ['4294967296', '99999999999', '-1', '4294967295'].map((name) => `${name}:x:0:0::/:/bin/sh\n`).join(''),
  );

  it.each(['4294967296', '99999999999', '-1', '4294967295', '0:4294967296'])(
    'CVE-2024-40635, CVE-2026-46680: %s is an error and never root',
    async (user) => {
      const image = await makeImage(`user${user.replaceAll(/\W/g, 'x')}`, {
        entries: [dir('etc'), passwd],
        config: { User: user },
      });
      await using pod = await Pod.run('image-user');
      expect(await refusal(pod, { ...shMerged('id -u'), image: { image } })).toMatch(/InvalidArgument.*USER/);
      const asked = {
        ...shMerged('id -u'),
        image: { image },
        linux: { security_context: { run_as_user: { value: 1 } } },
      };
      expect(await output(pod, 'main', asked)).toEqual(['1']);
    },
  );

  it.each([
    ['passwd', 'large'],
    ['group', 'large'],
    ['passwd', 'fifo'],
    ['group', 'fifo'],
  ] as const)('CVE-2025-4437, CVE-2026-47262: an /etc/%s that is %s fails the create alone', async (name, shape) => {
    const path = `etc/${name}`;
    const hostile =
      shape === 'fifo'
        ? ({ type: 'fifo', path, mode: 0o644 } as const)
        : ({ type: 'file', path, mode: 0o644, content: Buffer.alloc(64 * MEBIBYTE, 'x') } as const);
    const image = await makeImage(`${shape}-${name}`, { entries: [dir('etc'), hostile], config: { User: 'web:web' } });
    await using pod = await Pod.run('hostile-users');
    const before = await residentBytes();
    expect(await refusal(pod, { ...shMerged('id -u'), image: { image } })).toMatch(/InvalidArgument.*\/etc\//);
    expect((await residentBytes()) - before).toBeLessThan(32 * MEBIBYTE);
  });
});

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${await davitdPid()}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

describe('an image', () => {
  it.each([
    ['/proc/self/fd/7', 1],
    ['/proc/1/fd/8', 2],
    ['/work/../proc/thread-self/fd/7/', 3],
  ])('CVE-2024-21626: with the working directory %s is not run', async (workingDir, index) => {
    const image = await makeImage(`workdir${index}`, {
      config: { WorkingDir: workingDir },
    });
    await using pod = await Pod.run('workdir');
    expect(await refusal(pod, { ...shMerged('pwd'), image: { image } })).toMatch(/InvalidArgument.*WORKDIR/);
    expect(await refusal(pod, { ...shMerged('pwd'), working_dir: workingDir })).toContain('config.working_dir');
  });

  it.each(['dev', 'proc', 'sys'])(
    'CVE-2021-30465: whose /%s leads into a volume leaves the volume as it is',
    async (name) => {
      const image = await makeImage(`link-${name}`, { entries: [{ type: 'symlink', path: name, target: '/host' }] });
      await using pod = await Pod.run('links');
      const volume = join(pod.dir, 'volume');
      await mkdir(volume);
      const options = {
        ...shMerged('ls /host'),
        image: { image },
        mounts: [{ container_path: '/host', host_path: volume }],
      };
      // It may run or not: what counts is the node.
      await pod.start('main', options).then(exited, () => undefined);
      expect(await readdir(volume)).toEqual([]);
      expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(volume);
    },
  );

  it('CVE-2024-5154: whose /etc/mtab leads out of it makes no file on the node', async () => {
    await using pod = await Pod.run('mtab');
    const target = join(pod.dir, 'made-by-a-link');
    const image = await makeImage('mtab', {
      entries: [dir('etc'), { type: 'symlink', path: 'etc/mtab', target: `../../../../..${target}` }],
    });
    await exited(await pod.start('main', { ...shMerged('true'), image: { image } }));
    await expect(stat(target)).rejects.toThrow('ENOENT');
  });

  it('CVE-2026-53488: gives its labels to no object of containerd', async () => {
    const image = await makeImage('labels', {
      config: {
        Labels: {
          'containerd.io/restart.loguri': 'binary:///bin/touch?/tmp/owned',
          'containerd.io/restart.status': 'running',
          'io.cri-containerd.kind': 'sandbox',
          'io.kubernetes.pod.uid': 'other',
        },
      },
    });
    await using pod = await Pod.run('labels');
    const id = await pod.create('main', { image: { image } });
    const { Labels } = JSON.parse(await ctr('-n', 'davit', 'containers', 'info', id)) as {
      readonly Labels: Readonly<Record<string, string>>;
    };
    expect(Object.keys(Labels).filter((name) => /^(containerd\.io\/restart|io\.cri-containerd)/.test(name))).toEqual(
      [],
    );
    expect(Labels['io.kubernetes.pod.uid']).not.toBe('other');
  });
});
