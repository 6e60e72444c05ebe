import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { Daemon } from './support/daemon.ts';
import { tracesOf } from './support/kernel.ts';
import { BUSYBOX, eventually, nodeEnv } from './support/node.ts';
import { must } from './support/run.ts';
import { ScriptedNetwork } from './support/scripted-network.ts';
import { nameOf, StandInShim } from './support/stand-in-shim.ts';
import type { ShimCall } from './support/stand-in-shim.ts';

const RUNHCS = 'containerd-shim-runhcs-v1';
const KATA = 'containerd-shim-kata-v2';

let dir: string;
let shim: StandInShim;
let network: ScriptedNetwork;
let daemon: Daemon;
let cri: CriClient;
/** Of pods and containers, those that came to nothing among them. */
const ids: string[] = [];

beforeAll(async () => {
  dir = await mkdtemp('/run/dvw');
  shim = await StandInShim.create(dir, [RUNHCS, KATA]);
  network = await ScriptedNetwork.create(dir);
  const config = join(dir, 'config.toml');
  await writeFile(
    config,
    `[handlers.win]
type = "io.containerd.runhcs.v1"
pod_annotations = ["io.microsoft.virtualmachine.*"]
[handlers.win.options]
SandboxImage = "${BUSYBOX}"
ScrubLogs = true
[handlers.hyperv]
type = "${join(shim.bin, RUNHCS)}"
[handlers.hyperv.options]
SandboxImage = "${BUSYBOX}"
SandboxIsolation = "HYPERVISOR"
[handlers.host]
type = "io.containerd.runhcs.v1"
[handlers.kata]
type = "io.containerd.kata.v2"
[handlers.missing]
type = "io.containerd.nowhere.v3"
`,
  );
  const env = nodeEnv();
  // A containerd of davitd's own has davitd's PATH.
  daemon = await Daemon.start(
    [
      '--config',
      config,
      '--containerd-address',
      'auto',
      '--registry-config-path',
      `/run/davit-${env['DAVIT_NODE']}/certs.d`,
      ...network.flags,
    ],
    { env: { PATH: `${shim.bin}:${env['PATH']}` } },
  );
  cri = connectCri({ address: daemon.endpoint });
  await daemon.mustCrictl('pull', BUSYBOX);
});

afterAll(async () => {
  cri[Symbol.dispose]();
  await daemon[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

beforeEach(() => shim.forget());

/** What is there of all pods and containers up to now: on the node, in this davitd's containerd, and among its files. */
async function traces(): Promise<readonly string[]> {
  const address = join(daemon.state, 'containerd', 'containerd.sock');
  const ask = async (...args: readonly string[]) =>
    (await must('ctr', ['--address', address, '-n', 'davit', ...args], nodeEnv())).split('\n');
  const names = ids.flatMap((id, index) => [...(index === 0 ? [] : ['-o']), '-name', `*${id}*`]);
  // A mark outlives what it is for until davitd has looked around.
  const files = await must('find', [daemon.dir, '-name', 'marks', '-prune', '-o', '(', ...names, ')', '-print']);
  return [
    ...(await tracesOf(ids)),
    ...files.split('\n'),
    ...(await ask('containers', 'ls', '-q')),
    ...(await ask('tasks', 'ls', '-q')),
    ...(await ask('snapshots', 'ls')).filter((line) => line.trimEnd().endsWith('Active')),
  ].filter((line) => line !== '');
}

async function nothingLeft(): Promise<void> {
  let found: readonly string[] = [];
  await eventually('nothing left', async () => {
    found = await traces();
    return found.length === 0 ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`left: ${found.join(', ')}`, { cause: error });
  });
  expect(await network.asked('DEL')).toBe(await network.asked('ADD'));
  expect(await cri.call('ListPodSandbox', {})).toEqual({ items: [] });
}

async function runPod(runtimeHandler: string, config: object = {}): Promise<string> {
  const metadata = { name: 'web-0', uid: `u-${Date.now()}`, namespace: 'shop' };
  const request = { config: { metadata, hostname: 'web-0', ...config }, runtimeHandler };
  try {
    const { podSandboxId } = await cri.call<{ podSandboxId: string }>('RunPodSandbox', request);
    ids.push(podSandboxId);
    return podSandboxId;
  } catch (error) {
    ids.push(...(/[0-9a-f]{64}/.exec(String(error)) ?? []));
    throw error;
  }
}

/** The starts among what the stand-in was called for. */
async function starts(): Promise<readonly ShimCall[]> {
  return (await shim.calls()).filter(({ action }) => action === 'start');
}

describe('a pod for Windows', () => {
  it('is asked of runhcs alone, by the name that its runtime type gives, with the spec that davit has built', async () => {
    const failure = await runPod('win', {
      annotations: { 'io.microsoft.virtualmachine.x': '1', 'other/y': 'no' },
      windows: { securityContext: { runAsUsername: 'ContainerUser', credentialSpec: '{"a":1}' } },
    }).catch(String);
    expect(failure).toContain(`shim ${RUNHCS}: `);
    expect(failure).toContain(`a stand-in for ${RUNHCS} runs nothing`);
    const started = await starts();
    expect(started.map(nameOf)).toEqual([RUNHCS]);
    const [start] = started;
    expect(start?.program).toBe(join(shim.bin, RUNHCS));
    const id = ids.at(-1) ?? '';
    expect(start?.args.join(' ')).toMatch(new RegExp(`^-namespace davit .*-id ${id} .*start$`));
    expect(start?.spec).toEqual({
      ociVersion: '1.0.2',
      hostname: 'web-0',
      process: {
        terminal: false,
        user: { username: 'ContainerUser' },
        args: ['sh'],
        env: expect.arrayContaining([expect.stringMatching(/^PATH=/)]),
        cwd: 'C:\\',
      },
      mounts: [],
      annotations: {
        'io.kubernetes.cri.container-type': 'sandbox',
        'io.kubernetes.cri.sandbox-id': id,
        'io.kubernetes.cri.sandbox-name': 'web-0',
        'io.kubernetes.cri.sandbox-namespace': 'shop',
        'io.kubernetes.cri.sandbox-uid': expect.stringMatching(/^u-/),
        'io.microsoft.virtualmachine.x': '1',
        'microsoft.com/hostprocess-container': 'false',
      },
      windows: {
        resources: { cpu: { shares: 2 } },
        credentialSpec: '{"a":1}',
        network: { networkNamespace: expect.stringContaining(id) },
      },
    });
    await nothingLeft();
  });

  it('is asked of the program that a path names, isolated as its handler says', async () => {
    await expect(runPod('hyperv')).rejects.toThrow(`shim ${join(shim.bin, RUNHCS)}: `);
    const started = await starts();
    expect(started.map(({ program }) => program)).toEqual([join(shim.bin, RUNHCS)]);
    expect(started[0]?.spec).toMatchObject({ windows: { hyperv: {} } });
    await nothingLeft();
  });

  it('has containers that are asked of the same shim, in the form of Windows', async () => {
    await shim.letPodsRun(join(daemon.root, 'pause'));
    const windows = { securityContext: { hostProcess: true } };
    const pod = await runPod('host', { windows });
    const config = {
      metadata: { name: 'main' },
      image: { image: BUSYBOX },
      command: ['agent.exe'],
      mounts: [{ hostPath: 'D:\\data', containerPath: 'C:\\data', readonly: true }],
      windows: {
        securityContext: { hostProcess: true, runAsUsername: 'NT AUTHORITY\\SYSTEM' },
        resources: { cpuMaximum: 5000, affinityCpus: [{ cpuMask: '18446744073709551615' }] },
      },
    };
    const { containerId } = await cri.call<{ containerId: string }>('CreateContainer', { podSandboxId: pod, config });
    ids.push(containerId);
    await expect(cri.startContainer(containerId)).rejects.toThrow(`shim ${RUNHCS}: `);
    const last = (await starts()).at(-1);
    expect(last?.args).toContain(containerId);
    expect(last?.spec).toMatchObject({
      process: { user: { username: 'NT AUTHORITY\\SYSTEM' }, args: ['agent.exe'], cwd: 'C:\\hpc' },
      mounts: [{ destination: 'C:\\data', source: 'D:\\data', options: ['ro'] }],
      annotations: { 'io.kubernetes.cri.sandbox-id': pod, 'microsoft.com/hostprocess-container': 'true' },
      // As far as JavaScript reads 64 bits; see the golden specs.
      windows: { resources: { cpu: { maximum: 5000, affinity: [{ mask: 2 ** 64, group: 0 }] } } },
    });
    const { status } = await cri.call<{ status: object }>('ContainerStatus', { containerId });
    expect(status).toMatchObject({
      state: 'CONTAINER_EXITED',
      reason: 'StartError',
      message: expect.stringContaining(`a stand-in for ${RUNHCS} runs nothing`),
      resources: { windows: { cpuMaximum: '5000', affinityCpus: [{ cpuMask: '18446744073709551615' }] } },
    });
    await daemon.mustCrictl('rmp', '-f', pod);
    await nothingLeft();
  });

  it.each([
    [
      'win',
      { linux: { sysctls: { 'a.b': '1' } } },
      'config.linux.sysctls: is not supported: the handler of the pod is for W',
    ],
    [
      '',
      { windows: { securityContext: { hostProcess: true } } },
      'config.windows: is not supported: the handler of the pod',
    ],
  ])('and one for Linux have fields of their own (handler %j)', async (handler, config, message) => {
    await expect(runPod(handler, config)).rejects.toThrow(`INVALID_ARGUMENT: ${message}`);
    expect(await shim.calls()).toEqual([]);
  });
});

describe('a pod of any other shim', () => {
  it('is asked of that shim, as a pod and in the form of Linux', async () => {
    await expect(runPod('kata')).rejects.toThrow(`shim ${KATA}: `);
    const started = await starts();
    expect(started.map(nameOf)).toEqual([KATA]);
    expect(started[0]?.spec).toMatchObject({
      process: { args: ['/pause'] },
      linux: { namespaces: expect.any(Array) },
      annotations: { 'io.kubernetes.cri.container-type': 'sandbox' },
    });
    await nothingLeft();
  });

  it('names the program that is not there', async () => {
    await expect(runPod('missing')).rejects.toThrow('shim containerd-shim-nowhere-v3: ');
    await nothingLeft();
  });
});
