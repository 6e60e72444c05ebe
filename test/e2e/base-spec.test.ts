import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { Daemon } from './support/daemon.ts';
import { pushArtifact } from './support/images.ts';
import { BUSYBOX, eventually, nodeEnv, parseLog } from './support/node.ts';
import { ScriptedNetwork } from './support/scripted-network.ts';

/** What the configuration of a handler, and annotations that it lets through, add to containers. */

const VOLUMES = 'registry.k8s.io/davit/volumes:latest';
const UMASK = 'davit.umask';
const SECCOMP = 'seccomp-profile.kubernetes.cri-o.io';
const MAP = { hostId: 131_072, containerId: 0, length: 65_536 };
const NO_MKDIR = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
};

let dir: string;
let daemon: Daemon;
let cri: CriClient;

function config(more = ''): string {
  return `
[containers]
image_volumes = "mkdir"
# Seven blocks of 512 bytes.
ulimits = { core = "3584" }
${more}
[handlers.runc]

[handlers.based]
base_runtime_spec = "${join(dir, 'base.json')}"
pod_annotations = ["${UMASK}", "${UMASK}/*", "${SECCOMP}/*"]
`;
}

function baseSpec(variable: string): object {
  return {
    ociVersion: '1.0.2',
    process: {
      args: ['never'],
      env: [`FROM=${variable}`, 'PATH=/nowhere'],
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: 123, hard: 456 },
        { type: 'RLIMIT_CORE', soft: 1, hard: 1 },
      ],
      user: { umask: 0o27 },
    },
    mounts: [
      { destination: '/scratch', type: 'tmpfs', options: ['size=64k', 'nosuid'] },
      { destination: '/etc/hosts', type: 'bind', source: '/etc/passwd', options: ['rbind'] },
    ],
    hooks: { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `cat > ${join(dir, 'hook.json')}`], timeout: 10 }] },
    linux: { devices: [{ path: '/dev/nothing', type: 'c', major: 1, minor: 3 }], resources: { pids: { limit: 77 } } },
  };
}

beforeAll(async () => {
  dir = await mkdtemp('/run/dvb');
  await writeFile(join(dir, 'config.toml'), config());
  await writeFile(join(dir, 'base.json'), JSON.stringify(baseSpec('file')));
  const network = await ScriptedNetwork.create(dir);
  daemon = await Daemon.start([
    '--config',
    join(dir, 'config.toml'),
    '--containerd-address',
    nodeEnv()['CONTAINERD_ADDRESS'] ?? '',
    '--containerd-namespace',
    'davit-base',
    '--registry-config-path',
    `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`,
    ...network.flags,
  ]);
  for (const image of [BUSYBOX, VOLUMES]) await daemon.mustCrictl('pull', image);
  cri = connectCri({ address: daemon.endpoint });
});

afterAll(async () => {
  cri[Symbol.dispose]();
  await daemon[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

interface Options {
  readonly handler?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly security?: object;
  readonly image?: string;
  readonly container?: string;
}

/** What a script says in a container of a pod of its own. */
async function output(name: string, script: string, options: Options = {}): Promise<readonly string[]> {
  const { handler = 'based', annotations = {}, security = {}, image = BUSYBOX, container = 'main' } = options;
  const linux = { securityContext: security };
  const metadata = { name, uid: `u-${name}`, namespace: 'default' };
  const { podSandboxId } = await cri.call<{ podSandboxId: string }>('RunPodSandbox', {
    config: { metadata, logDirectory: join(dir, name), annotations, linux },
    runtimeHandler: handler,
  });
  try {
    const command = ['sh', '-c', `exec 2>&1; ${script}`];
    const { containerId } = await cri.call<{ containerId: string }>('CreateContainer', {
      podSandboxId,
      config: { metadata: { name: container }, image: { image }, command, logPath: 'main.log', linux },
    });
    await cri.startContainer(containerId);
    await cri.exited(containerId);
  } finally {
    await cri.call('RemovePodSandbox', { podSandboxId });
  }
  return parseLog(await readFile(join(dir, name, 'main.log'), 'utf8')).map(({ text }) => text);
}

async function log(): Promise<string> {
  return await readFile(join(daemon.dir, 'davitd.log'), 'utf8');
}

/** Has davitd read its configuration again, and returns what its log says since, once it is through with it. */
async function reload(text: string): Promise<string> {
  const before = (await log()).length;
  await writeFile(join(dir, 'config.toml'), text);
  process.kill(daemon.pid, 'SIGHUP');
  return await eventually('a reload in the log', async () => {
    const since = (await log()).slice(before);
    return /was read again|nothing was changed/.test(since) ? since : undefined;
  });
}

describe('the base spec of a handler', () => {
  it('is what containers begin with, under what davit sets', async () => {
    const script = `echo $FROM; ulimit -Sn; ulimit -Hn; ulimit -c; umask
      grep -c ' /scratch tmpfs .*size=64k' /proc/mounts; grep -c root:x: /etc/hosts
      stat -c '%t:%T' /dev/nothing; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null`;
    const lines = await output('based', script);
    expect(lines).toEqual(['file', '123', '456', '7', '0027', '1', '0', '1:3', '77']);
    expect(JSON.parse(await readFile(join(dir, 'hook.json'), 'utf8'))).toMatchObject({ status: 'creating' });
    expect(await output('plain', 'echo $FROM.; ulimit -c; test -e /dev/nothing', { handler: 'runc' })).toEqual([
      '.',
      '7',
    ]);
    expect(await log()).toMatch(/"parts":\["ociVersion","process.args"\].*davit sets them itself/);
  });

  it('is read again by SIGHUP, whole or not at all', async () => {
    await writeFile(join(dir, 'base.json'), JSON.stringify(baseSpec('changed')));
    await reload(config());
    expect(await output('changed', 'echo $FROM')).toEqual(['changed']);
    await writeFile(join(dir, 'base.json'), '{"process":{"evn":[]}}');
    const refused = await reload(config());
    expect(refused).toMatch(
      /config\.toml:\d+: handlers\.based\.base_runtime_spec: .*base\.json: process\.evn: is no key/,
    );
    expect(await output('kept', 'echo $FROM')).toEqual(['changed']);
    await writeFile(join(dir, 'base.json'), JSON.stringify(baseSpec('file')));
    await reload(config());
  });
});

describe('annotations that a handler lets through', () => {
  it('set the umask, of a pod or of one container', async () => {
    const annotations = { [UMASK]: '0077', [`${UMASK}/other`]: '002' };
    expect(await output('umask', 'umask', { annotations })).toEqual(['0077']);
    expect(await output('umask-other', 'umask', { annotations, container: 'other' })).toEqual(['0002']);
    expect(await output('umask-plain', 'umask', { annotations, handler: 'runc' })).toEqual(['0022']);
    await expect(output('umask-bad', 'umask', { annotations: { [UMASK]: '9' } })).rejects.toThrow(
      `annotation ${UMASK}: must be three octal digits`,
    );
  });

  it('name a seccomp profile by the artifact that it is in, for those that ask for none', async () => {
    const parts = [{ title: 'seccomp.json', content: JSON.stringify(NO_MKDIR) }];
    const { reference } = await pushArtifact('profile', { parts });
    const annotations = { [`${SECCOMP}/main`]: reference };
    const script = 'mkdir /tmp/x && echo made';
    expect((await output('profile', script, { annotations })).join()).toContain('Operation not permitted');
    expect(await output('profile-other', script, { annotations, container: 'other' })).toEqual(['made']);
    expect(await output('profile-plain', script, { annotations, handler: 'runc' })).toEqual(['made']);
    const asked = { seccomp: { profileType: 'RuntimeDefault' } };
    expect(await output('profile-asked', script, { annotations, security: asked })).toEqual(['made']);
    // What the kubelet writes for those that ask for none.
    const unconfined = { seccomp: { profileType: 'Unconfined' } };
    const pod = { [`${SECCOMP}/POD`]: reference };
    expect((await output('profile-pod', script, { annotations: pod, security: unconfined })).join()).toContain(
      'Operation not permitted',
    );
  });

  it('fail creates by their name with a profile that cannot be had', async () => {
    const fails = async (name: string, reference: string): Promise<string> =>
      await output(name, 'true', { annotations: { [`${SECCOMP}/main`]: reference } }).then(String, String);
    const listening = { ...NO_MKDIR, defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/run/x.sock' };
    const bad = await pushArtifact('profile-bad', { parts: [{ title: 'p', content: '{"defaultAction":"x"}' }] });
    const two = ['a', 'b'].map((title) => ({ title, content: JSON.stringify(NO_MKDIR) }));
    const socket = await pushArtifact('profile-socket', { parts: [{ content: JSON.stringify(listening) }] });
    const many = await pushArtifact('profile-many', { parts: two });
    expect(await fails('p-bad', bad.reference)).toMatch(/annotation seccomp-.*: p: defaultAction: "x" is none of/);
    expect(await fails('p-socket', socket.reference)).toContain('listenerPath: only a file of the node may have one');
    expect(await fails('p-many', many.reference)).toContain('has 2 files, and none of them is seccomp.json');
    expect(await fails('p-image', BUSYBOX)).toContain('is no artifact with a profile in it');
    expect(await fails('p-none', 'registry.k8s.io/davit-e2e/none:1')).toContain(`annotation ${SECCOMP}/main: `);
  });
});

describe('declared volumes as folders of the container', () => {
  it('are there with what the image has, and are no mounts', async () => {
    const script = `stat -c '%a %u' /data /new/place; cat /data/sub/file; touch /new/place/x && echo written
      cut -d' ' -f2 /proc/mounts | grep -e /data -e /new/place -e /srv`;
    expect(await output('mkdir', script, { image: VOLUMES })).toEqual(['1770 0', '755 0', 'from the image', 'written']);
  });

  it('belong to the pod’s own root user where it has a user namespace, or the pod is refused by name', async () => {
    const usernsOptions = { mode: 'POD', uids: [MAP], gids: [MAP] };
    const security = { namespaceOptions: { pid: 'CONTAINER', usernsOptions } };
    const script = "stat -c '%u %g' / /new /new/place; touch /new/place/x && echo written";
    const ran = await output('mkdir-userns', script, { image: VOLUMES, handler: 'runc', security }).then(
      String,
      String,
    );
    expect(ran).toMatch(/^0 0,0 0,0 0,written$|cannot give user namespaces/);
  });
});

describe('images.artifacts = false', () => {
  it('has artifacts refused by what they are', async () => {
    const { reference } = await pushArtifact('off', { parts: [{ title: 'a', content: 'a' }] });
    await reload(config('[images]\nartifacts = false\n'));
    const { stderr } = await daemon.crictl('pull', reference);
    expect(stderr).toMatch(
      /no container image but an artifact \(application\/vnd\.davit\.test\): images\.artifacts is off/,
    );
    await reload(config());
    await daemon.mustCrictl('pull', reference);
  });
});
