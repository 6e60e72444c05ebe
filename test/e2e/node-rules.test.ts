import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfiguredNode } from './support/configured-node.ts';
import { BUSYBOX } from './support/node.ts';
import { run } from './support/run.ts';

/** What a node's configuration says of the security and the resources of its pods, looked at from inside of containers. */

const DAVITD = fileURLToPath(new URL('../../dist/davitd.js', import.meta.url));
const MIB = 1024 ** 2;
const CONFIG = `
[pods]
pause_cpus = "0"

[containers]
default_capabilities = ["CHOWN", "SETUID"]
inheritable_capabilities = true
privileged_seccomp_profile = "$DIR/no-chmod.json"
tolerate_missing_hugetlb = false
min_memory = "6MiB"
additional_devices = ["/dev/net:/dev/all-nets:r"]
allowed_devices = ["/dev/null"]

[security]
apparmor = "off"
selinux = "off"
selinux_on_host_network = false

[classes]
blockio_file = "$DIR/blockio.yaml"

[handlers.runc]
pod_annotations = ["davit.*", "io.kubernetes.cri-o.*"]

[handlers.strict]
seccomp_profile = "$DIR/no-chmod.json"

[handlers.closed]
exec_cpu_affinity = "first"
`;
/** Everything but what changes the mode of a file. */
const NO_CHMOD = JSON.stringify({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['chmod', 'fchmod', 'fchmodat', 'fchmodat2'], action: 'SCMP_ACT_ERRNO' }],
});
const CHMOD =
  'touch /tmp/x; chmod 600 /tmp/x 2>/dev/null && echo changed || echo refused; grep ^Seccomp: /proc/self/status';

/** A disk of this machine, as the kernel numbers it. */
function disk(): { readonly path: string; readonly number: string } {
  const names = readdirSync('/sys/block').filter((name) => existsSync(`/dev/${name}`));
  const name = names.find((each) => !/^(loop|ram|zram)/.test(each)) ?? names[0] ?? 'none';
  return { path: `/dev/${name}`, number: readFileSync(`/sys/block/${name}/dev`, 'utf8').trim() };
}

function blockioClasses(): string {
  return `Classes:\n  slow:\n    - Weight: 20\n    - Devices: [${disk().path}]\n      ThrottleReadBps: 1Mi\n`;
}

let node: ConfiguredNode;

beforeAll(async () => {
  node = await ConfiguredNode.start(CONFIG, BUSYBOX, { 'no-chmod.json': NO_CHMOD, 'blockio.yaml': blockioClasses() });
});

afterAll(() => node[Symbol.asyncDispose]());

describe('seccomp profiles of the configuration', () => {
  it('are the default of a handler, and of no other', async () => {
    const security = { seccomp: { profileType: 'RuntimeDefault' } };
    expect(await node.output('strict', { script: CHMOD, security, handler: 'strict' })).toEqual([
      'refused',
      'Seccomp:\t2',
    ]);
    expect(await node.output('plain', { script: CHMOD, security })).toEqual(['changed', 'Seccomp:\t2']);
  });

  it('are what privileged containers get, unless they ask for none at all', async () => {
    const privileged = { privileged: true };
    expect(await node.output('held', { script: CHMOD, security: privileged })).toEqual(['refused', 'Seccomp:\t2']);
    const free = { ...privileged, seccomp: { profileType: 'Unconfined' } };
    expect(await node.output('free', { script: CHMOD, security: free })).toEqual(['changed', 'Seccomp:\t0']);
  });

  it('are refused by key and path when they are pipes, and nobody waits', async () => {
    execFileSync('mkfifo', [join(node.dir, 'pipe')]);
    const config = join(node.dir, 'piped.toml');
    execFileSync('sh', ['-c', `echo '[handlers.runc]\nseccomp_profile = "${node.dir}/pipe"' > ${config}`]);
    const told = `${config}:2: handlers.runc.seccomp_profile: ${node.dir}/pipe: is not a regular file`;
    for (const verb of [['config', 'check'], []]) {
      const { code, stderr } = await run(process.execPath, [DAVITD, ...verb, '--config', config]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(told)]);
    }
  });
});

describe('capabilities of the configuration', () => {
  const script = 'grep ^Cap /proc/self/status';

  it('are what a container begins with', async () => {
    const sets = ['Inh:\t81', 'Prm:\t81', 'Eff:\t81', 'Bnd:\t81', 'Amb:\t0'];
    const lines = await node.output('begin', { script });
    expect(lines.map((line) => line.replace(/^Cap/, '').replace(/\t0+(?=.)/, '\t'))).toEqual(sets);
  });

  it('are added to and dropped from', async () => {
    const security = { capabilities: { addCapabilities: ['KILL'], dropCapabilities: ['SETUID'] } };
    const lines = await node.output('change', { script, security });
    expect(lines).toContain('CapBnd:\t0000000000000021');
    expect(lines).toContain('CapInh:\t0000000000000021');
  });
});

describe('security modules that are switched off', () => {
  it('refuse profiles by name, and pass over what else asks for them', async () => {
    const localhost = { apparmor: { profileType: 'Localhost', localhostRef: 'mine' } };
    await expect(node.output('localhost', { script: 'true', security: localhost })).rejects.toThrow('apparmor');
    const passed = { apparmor: { profileType: 'RuntimeDefault' }, selinuxOptions: { level: 's0:c1,c2' } };
    expect(await node.output('passed', { script: 'echo runs', security: passed })).toEqual(['runs']);
  });
});

describe('resources of the configuration', () => {
  it('refuse limits that the node cannot set or does not take, when a container is made and later', async () => {
    await expect(
      node.output('huge', asking({ hugepageLimits: [{ pageSize: '3MB', limit: 4 * MIB }] })),
    ).rejects.toThrow('config.linux.resources.hugepage_limits: this node cannot limit pages of 3MB');
    const { containerId, podSandboxId } = await node.begin('small', { script: 'sleep 1000' });
    const linux = { memoryLimitInBytes: 5 * MIB };
    await expect(node.cri.call('UpdateContainerResources', { containerId, linux })).rejects.toThrow(
      'linux.memory_limit_in_bytes',
    );
    await node.cri.call('UpdateContainerResources', { containerId, linux: { memoryLimitInBytes: 32 * MIB } });
    await node.cri.call('RemovePodSandbox', { podSandboxId });
  });

  it('keep pause processes to their CPUs, and nothing else of the pod', async () => {
    const security = { namespaceOptions: { pid: 'POD' } };
    const { podSandboxId, containerId } = await node.begin('paused', { script: 'sleep 1000', security });
    const { info } = await node.cri.call<{ info: Record<string, string> }>('PodSandboxStatus', {
      podSandboxId,
      verbose: true,
    });
    const { pid } = JSON.parse(info['info'] ?? '{}') as { pid: number };
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^Cpus_allowed_list:\t0$/m);
    const all = /^Cpus_allowed_list:\t.*$/m.exec(await readFile('/proc/1/status', 'utf8'))?.[0];
    expect(await node.exec(containerId, 'grep ^Cpus_allowed_list /proc/self/status')).toBe(all);
    await node.cri.call('RemovePodSandbox', { podSandboxId });
  });

  it('let commands start on the first CPU of their container, where runtime and shim can; else the log says so', async () => {
    const script = 'grep ^Cpus_allowed_list /proc/self/status | cut -f 2';
    const container = { linux: { resources: { cpusetCpus: '0-1' } } };
    const handler = 'closed';
    const { podSandboxId, containerId } = await node.begin('first', { script: 'sleep 1000', handler, container });
    const cannot = (await node.log()).includes('exec_cpu_affinity needs runc 1.3 and containerd 2.1');
    expect(cannot).toBe((process.env['DAVIT_E2E_CONTAINERD'] ?? 'debian') === 'debian');
    expect(await node.exec(containerId, script)).toBe(cannot ? '0-1' : '0');
    await node.cri.call('UpdateContainerResources', { containerId, linux: { cpusetCpus: '1' } });
    expect(await node.exec(containerId, script)).toBe('1');
    await node.cri.call('RemovePodSandbox', { podSandboxId });
  });
});

describe('classes of resources', () => {
  const script =
    'cd /sys/fs/cgroup; cat blkio/blkio.throttle.read_bps_device io.max blkio/blkio.bfq.weight io.bfq.weight 2>/dev/null; true';

  it('limit disk I/O, and go on doing so when other limits change', async () => {
    const sandbox = podOf('slow', { 'blockio.resources.beta.kubernetes.io/container.main': 'slow' });
    const { podSandboxId, containerId } = await node.begin('slow', { script: 'sleep 1000', sandbox });
    const limited = new RegExp(`^${disk().number} (rbps=)?1048576\\b[^]*^(default )?20$`, 'm');
    expect(await node.exec(containerId, script)).toMatch(limited);
    await node.cri.call('UpdateContainerResources', { containerId, linux: { cpuShares: 512 } });
    expect(await node.exec(containerId, script)).toMatch(limited);
    await node.cri.call('RemovePodSandbox', { podSandboxId });
  });

  it('are refused by name when the node has none such', async () => {
    const asked = async (name: string, annotation: string) =>
      await node.output(name, { script: 'true', sandbox: podOf(name, { [annotation]: 'fast' }) });
    await expect(asked('fast', 'blockio.resources.beta.kubernetes.io/pod')).rejects.toThrow(
      `class "fast": is none of ${node.dir}/blockio.yaml, which has slow`,
    );
    await expect(asked('gold', 'rdt.resources.beta.kubernetes.io/pod')).rejects.toThrow('classes.rdt');
  });
});

describe('annotations of pods that the configuration lets through', () => {
  it('say how large /dev/shm is', async () => {
    const script = "grep ' /dev/shm ' /proc/mounts";
    const sized = (name: string, value: string) => ({ script, sandbox: podOf(name, { 'davit.shm-size': value }) });
    expect((await node.output('large', sized('large', '8Mi'))).join()).toContain('size=8192k');
    expect((await node.output('usual', { script })).join()).toContain('size=65536k');
    await expect(node.output('bad', sized('bad', 'much'))).rejects.toThrow('config.annotations["davit.shm-size"]');
  });

  it('ask for devices, those alone that the node allows', async () => {
    const script = 'stat -c "%t %T" /dev/asked && echo x > /dev/asked && echo written';
    const annotated = (name: string, devices: string) => ({
      script,
      sandbox: podOf(name, { 'io.kubernetes.cri-o.Devices': devices }),
    });
    expect(await node.output('asked', annotated('asked', '/dev/null:/dev/asked:rw'))).toEqual(['1 3', 'written']);
    await expect(node.output('denied', annotated('denied', '/dev/kmsg:/dev/asked'))).rejects.toThrow(
      '/dev/kmsg is not among',
    );
  });

  it('are not needed for folders of devices that every container has', async () => {
    expect(await node.output('folder', { script: 'ls /dev/all-nets' })).toEqual(['tun']);
  });
});

function asking(resources: object) {
  return { script: 'true', container: { linux: { resources } } };
}

function podOf(name: string, annotations: Readonly<Record<string, string>>): object {
  return {
    metadata: { name, uid: `u-${name}`, namespace: 'default' },
    logDirectory: join(node.dir, name),
    annotations,
  };
}
