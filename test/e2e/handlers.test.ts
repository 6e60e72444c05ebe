import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { Daemon } from './support/daemon.ts';
import { BUSYBOX, nodeEnv } from './support/node.ts';
import { must } from './support/run.ts';
import { ScriptedNetwork } from './support/scripted-network.ts';

const NAMESPACE = 'davit-handlers';
const VERSIONS = fileURLToPath(new URL('../../hack/versions', import.meta.url));
const DEBIAN_RUNC = '/usr/sbin/runc';
/** What the handler `other` gives its pods. */
const OTHER_IP = '192.0.2.8';
const METADATA = { uid: 'u', namespace: 'default' };

interface Info {
  readonly runtimeHandlers: readonly {
    /** Absent: the default handler's second entry. */
    readonly name?: string;
    readonly features: { readonly recursive_read_only_mounts?: boolean; readonly user_namespaces?: boolean };
  }[];
  readonly runtimes: Readonly<
    Record<string, { readonly version: { readonly version: string }; readonly features?: { idmappedMounts: boolean } }>
  >;
  readonly containerd: { readonly version: string };
}

interface Inspected {
  readonly info: {
    readonly runtimeHandler: string;
    readonly snapshotter: string;
    readonly runtimeSpec: { readonly annotations: Readonly<Record<string, string>> };
  };
}

let dir: string;
let network: ScriptedNetwork;
let daemon: Daemon;
let cri: CriClient;

/** The newest runc, where `hack/test` and `hack/node` build it. */
async function newestRunc(): Promise<string> {
  const version = /^RUNC_VERSION=v(.*)$/m.exec(await readFile(VERSIONS, 'utf8'))?.[1] ?? '';
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(process.env['DAVIT_CACHE'] ?? join(base, 'davit'), 'runc', version, 'runc');
}

/** A program that notes each of its calls and then is the other one. */
async function wrapper(name: string, runtime: string, before = ''): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, `#!/bin/sh\n${before}\necho "$@" >>${path}.calls\nexec ${runtime} "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

async function callsOf(name: string): Promise<readonly string[]> {
  return (await readFile(join(dir, `${name}.calls`), 'utf8')).trimEnd().split('\n');
}

/** The network of one handler: another configuration, and an address that tells it. */
async function otherNetwork(): Promise<string> {
  const folder = join(dir, 'other.d');
  await mkdir(folder);
  const config = { cniVersion: '1.0.0', name: 'other', plugins: [{ type: 'other' }] };
  await writeFile(join(folder, '10-other.conflist'), JSON.stringify(config));
  const result = { cniVersion: '1.0.0', interfaces: [], ips: [{ address: `${OTHER_IP}/24` }] };
  const versions = { cniVersion: '1.0.0', supportedVersions: ['1.0.0'] };
  const plugin = join(dir, 'cni', 'bin', 'other');
  await writeFile(
    plugin,
    `#!/bin/sh\ncase $CNI_COMMAND in\nVERSION) echo '${JSON.stringify(versions)}' ;;\nADD) echo '${JSON.stringify(result)}' ;;\nesac\n`,
  );
  await chmod(plugin, 0o755);
  return folder;
}

beforeAll(async () => {
  dir = await mkdtemp('/run/dvh');
  network = await ScriptedNetwork.create(dir);
  const older = await wrapper('older', DEBIAN_RUNC);
  const newer = await wrapper('newer', await newestRunc());
  const mute = await wrapper('mute', DEBIAN_RUNC, '[ "$1" != features ] || exit 1');
  const config = join(dir, 'config.toml');
  await writeFile(
    config,
    `default_runtime = "newer"
[handlers.older]
binary = "${older}"
pod_annotations = ["io.example.pod/*"]
container_annotations = ["io.example.container/[a-c]?"]
[handlers.older.default_annotations]
"io.example.pod/a" = "default"
"io.example/d" = "default"
[handlers.older.options]
Root = "${dir}/older-state"
[handlers.newer]
binary = "${newer}"
[handlers.mute]
binary = "${mute}"
[handlers.other]
snapshotter = "native"
cni_conf_dir = "${await otherNetwork()}"
`,
  );
  daemon = await Daemon.start([
    '--config',
    config,
    '--containerd-address',
    nodeEnv()['CONTAINERD_ADDRESS'] ?? '',
    '--containerd-namespace',
    NAMESPACE,
    '--registry-config-path',
    `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`,
    ...network.flags,
  ]);
  cri = connectCri({ address: daemon.endpoint });
  await daemon.mustCrictl('pull', BUSYBOX);
});

afterAll(async () => {
  cri[Symbol.dispose]();
  await daemon[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

async function ctr(...args: readonly string[]): Promise<string> {
  return await must('ctr', ['-n', NAMESPACE, ...args], nodeEnv());
}

async function runPod(name: string, runtimeHandler: string, annotations = {}): Promise<string> {
  const config = { metadata: { ...METADATA, name }, linux: {}, annotations };
  const reply = await cri.call<{ podSandboxId: string }>('RunPodSandbox', { config, runtimeHandler });
  return reply.podSandboxId;
}

async function runContainer(podSandboxId: string, annotations = {}): Promise<string> {
  const config = { metadata: { name: 'main' }, image: { image: BUSYBOX }, command: ['sleep', '1000'], annotations };
  const { containerId } = await cri.call<{ containerId: string }>('CreateContainer', { podSandboxId, config });
  await cri.startContainer(containerId);
  return containerId;
}

async function runtimeOf(id: string): Promise<string> {
  return (JSON.parse(await ctr('containers', 'info', id)) as { Runtime: { Name: string } }).Runtime.Name;
}

async function ipOf(podSandboxId: string): Promise<string> {
  const { status } = await cri.call<{ status: { network: { ip: string } } }>('PodSandboxStatus', { podSandboxId });
  return status.network.ip;
}

async function inspect(id: string): Promise<Inspected['info']> {
  return (JSON.parse(await daemon.mustCrictl('inspect', id)) as Inspected).info;
}

describe('two runc handlers side by side', () => {
  it('have features of their own in Status, as each runtime tells', async () => {
    const info = JSON.parse(await daemon.mustCrictl('info')) as Info;
    const versions = ['older', 'newer'].map((name) => info.runtimes[name]?.version.version);
    expect(versions).toEqual([expect.stringMatching(/^1\.1\./), expect.stringMatching(/^1\.[5-9]\./)]);
    const idmapped = ['older', 'newer'].map((name) => info.runtimes[name]?.features?.idmappedMounts);
    expect(idmapped).toEqual([false, true]);
    const features = new Map(info.runtimeHandlers.map(({ name = '', features }) => [name, features]));
    expect([...features.keys()].toSorted()).toEqual(['', 'mute', 'newer', 'older', 'other', 'runc']);
    expect(features.get('')).toEqual(features.get('newer'));
    expect(features.get('older')?.recursive_read_only_mounts).toBe(true);
    expect(features.get('mute')?.recursive_read_only_mounts ?? false).toBe(false);
    // Containers in a user namespace need a snapshotter that shifts ids, too: containerd's from 2 on.
    const shifts = Number(/\d+/.exec(info.containerd.version)?.[0]) >= 2;
    const userNamespaces = ['older', 'newer'].map((name) => features.get(name)?.user_namespaces ?? false);
    expect(userNamespaces).toEqual([false, shifts]);
  });

  it('run pods at once, each by its own program with its own options', async () => {
    const pods = await Promise.all([runPod('older', 'older'), runPod('newer', 'newer'), runPod('default', '')]);
    const ids = await Promise.all(pods.map((pod) => runContainer(pod)));
    const [older = '', newer = '', byDefault = ''] = ids;
    // A pod that shares its PIDs has a process of its own.
    const all = [...pods, ...ids];
    const created = async (name: string) =>
      (await callsOf(name)).filter((call) => / create /.test(call)).map((call) => all.find((id) => call.endsWith(id)));
    expect(await created('older')).toEqual([pods[0], older]);
    expect(new Set(await created('newer'))).toEqual(new Set([pods[1], newer, pods[2], byDefault]));
    const states = (await callsOf('older')).map((call) => /--root (\S+)/.exec(call)?.[1]);
    expect(new Set(states)).toEqual(new Set([undefined, `${dir}/older-state/${NAMESPACE}`]));
    expect((await readdir(join(dir, 'older-state', NAMESPACE))).toSorted()).toEqual([pods[0], older].toSorted());
    expect(await Promise.all(ids.map(runtimeOf))).toEqual(ids.map(() => 'io.containerd.runc.v2'));
    expect((await Promise.all(ids.map(inspect))).map((info) => info.runtimeHandler)).toEqual([
      'older',
      'newer',
      'newer',
    ]);
    const listed = await cri.call<{ items: { runtimeHandler: string }[] }>('ListPodSandbox', {});
    expect(listed.items.map((pod) => pod.runtimeHandler).toSorted()).toEqual(['', 'newer', 'older']);
    await daemon.mustCrictl('rmp', '-f', ...pods);
    expect(await readdir(join(dir, 'older-state', NAMESPACE))).toEqual([]);
  });
});

describe("a handler's own", () => {
  it('annotations reach the runtime: its defaults, and what its patterns let through', async () => {
    const pod = await runPod('annotated', 'older', {
      'io.example.pod/a': 'pod',
      'io.example.pod/b': 'pod',
      'io.other/c': 'no',
    });
    const id = await runContainer(pod, {
      'io.example.container/b1': 'container',
      'io.example.container/d1': 'no',
      'io.example.pod/b': 'no',
    });
    const { runtimeSpec } = await inspect(id);
    const own = Object.entries(runtimeSpec.annotations).filter(([name]) => /^io\.(example|other)/.test(name));
    expect(Object.fromEntries(own)).toEqual({
      'io.example.pod/a': 'pod',
      'io.example.pod/b': 'pod',
      'io.example/d': 'default',
      'io.example.container/b1': 'container',
    });
    await daemon.mustCrictl('rmp', '-f', pod);
  });

  it('snapshotter and folder of networks serve its pods, and only its pods', async () => {
    const [plain, other] = await Promise.all([runPod('plain', 'newer'), runPod('other', 'other')]);
    expect(await ipOf(other)).toBe(OTHER_IP);
    expect(await ipOf(plain)).not.toBe(OTHER_IP);
    const ids = [await runContainer(plain), await runContainer(other)];
    expect((await Promise.all(ids.map(inspect))).map((info) => info.snapshotter)).toEqual(['overlayfs', 'native']);
    const rootsIn = async (snapshotter: string) => {
      const lines = (await ctr('snapshots', '--snapshotter', snapshotter, 'ls')).split('\n');
      return lines.map((line) => line.split(' ')[0] ?? '').filter((key) => ids.includes(key));
    };
    expect([await rootsIn('overlayfs'), await rootsIn('native')]).toEqual([[ids[0]], [ids[1]]]);
    await daemon.mustCrictl('rmp', '-f', plain, other);
    expect([await rootsIn('overlayfs'), await rootsIn('native')]).toEqual([[], []]);
  });
});

describe('a handler that is none', () => {
  it('is refused, and those there are are named', async () => {
    await expect(runPod('none', 'kata')).rejects.toThrow(
      'INVALID_ARGUMENT: runtime_handler: "kata" is no handler; there are: newer, runc, older, mute, other',
    );
  });
});
