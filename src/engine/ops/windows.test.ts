import { describe, expect, it } from 'vitest';
import type { OciWindowsSpec } from '../runtime/spec/windows/index.ts';
import { parseSandboxId } from '../ids.ts';
import { createHandlers } from '../runtime/handlers.ts';
import { containerRecord, sandboxRecord } from '../store/test-records.ts';
import type { ContainerSpec, SandboxSpec, WindowsContainer } from '../types/index.ts';
import { createContainer } from './create-container.ts';
import { removeSandbox } from './remove-sandbox.ts';
import { runSandbox } from './run-sandbox.ts';
import { testEngine } from './test-engine.ts';
import { updateContainer } from './update-container.ts';
import { updateWindowsContainer } from './update-windows-container.ts';

const NEVER = new AbortController().signal;
const PAUSE = 'docker.io/library/pause:3';
const BUSYBOX = 'docker.io/library/busybox:latest';
const BASE = {
  snapshotter: 'overlayfs',
  defaultAnnotations: {},
  podAnnotations: [],
  containerAnnotations: [],
  privilegedWithoutHostDevices: false,
  cgroupWritable: false,
  execCpuAffinity: 'all' as const,
};
const HANDLERS = {
  runc: { ...BASE, type: 'io.containerd.runc.v2', options: {} },
  win: { ...BASE, type: 'io.containerd.runhcs.v1', snapshotter: 'windows', options: { SandboxImage: PAUSE } },
  hyperv: {
    ...BASE,
    type: 'io.containerd.runhcs.v1',
    options: { SandboxIsolation: 'HYPERVISOR', SandboxImage: PAUSE },
  },
  gone: { ...BASE, type: 'io.containerd.runhcs.v1', options: { SandboxImage: 'gone:1' } },
  bare: { ...BASE, type: 'io.containerd.runhcs.v1', options: {} },
  kata: { ...BASE, type: 'io.containerd.kata.v2', options: { ConfigPath: '/k.toml' }, cniConfDir: '/etc/cni/kata.d' },
};

async function engine() {
  const made = await testEngine();
  const deps = { ...made.deps, handlers: createHandlers({ handlers: HANDLERS, defaultRuntime: 'runc' }, 'cgroupfs') };
  const busybox = made.images.get(BUSYBOX);
  made.layers.layers.add(`windows ${busybox?.chainId}`);
  const pause = made.images.add(PAUSE, { entrypoint: ['/pause.exe'] });
  made.layers.layers.add(`windows ${pause.chainId}`);
  return { ...made, deps };
}

/** As their callers have them. */
function sandboxId(id: string) {
  return parseSandboxId(id, 'id');
}

function podSpec(handler: string, more: Partial<SandboxSpec> = {}): SandboxSpec {
  const { spec } = sandboxRecord();
  return { ...spec, handler, namespaces: { network: 'pod', pid: 'container', ipc: 'pod' }, ...more };
}

function windowsPod(handler: string, hostProcess = false): SandboxSpec {
  const network = hostProcess ? 'node' : 'pod';
  return podSpec(handler, { namespaces: { network, pid: 'pod', ipc: 'node' }, windows: { hostProcess } });
}

function windowsContainer(windows: WindowsContainer): ContainerSpec {
  return { ...containerRecord().spec, image: { image: BUSYBOX, annotations: {} }, windows };
}

describe('a pod for Windows', () => {
  it('is a task of runhcs, made from the image of its handler, with a network and no other namespace', async () => {
    await using made = await engine();
    const id = await runSandbox(made.deps, windowsPod('win'), NEVER);
    const object = made.objects.objects.get(id);
    expect(object).toMatchObject({
      runtimeType: 'io.containerd.runhcs.v1',
      shimOptions: { kind: 'runhcs', fields: { sandboxImage: PAUSE } },
      snapshotter: 'windows',
      snapshotKey: id,
      image: PAUSE,
    });
    const spec = object?.spec as OciWindowsSpec;
    expect(spec.process.args).toContain('/pause.exe');
    expect(spec.annotations['io.kubernetes.cri.container-type']).toBe('sandbox');
    expect(spec.windows.network?.networkNamespace).toBe(made.store.sandboxes.need(id).namespaces.network);
    expect(made.namespaces.created.get(sandboxId(id))).toMatchObject({ network: true, ipc: false, uts: false });
    expect(made.podFiles.created.size).toBe(0);
    await removeSandbox(made.deps, id, NEVER);
    expect(made.leftovers()).toEqual([]);
  });

  it('of processes of the node needs no image, and has no network of its own', async () => {
    await using made = await engine();
    const id = await runSandbox(made.deps, windowsPod('bare', true), NEVER);
    expect(made.objects.objects.get(id)).toMatchObject({ snapshotter: '', snapshotKey: '', image: '' });
    expect(made.network.attached.size).toBe(0);
    await removeSandbox(made.deps, id, NEVER);
    expect(made.leftovers()).toEqual([]);
  });

  it.each([
    ['bare', false, 'handlers.bare.options.SandboxImage: names no image'],
    ['gone', false, 'handlers.gone.options.SandboxImage: image gone:1 is not on this node'],
    ['hyperv', true, 'config.windows.security_context.host_process: handler hyperv gives each pod a virtual machine'],
  ])('by handler %s, with HostProcess %s, is refused, and nothing is left', async (handler, hostProcess, message) => {
    await using made = await engine();
    await expect(runSandbox(made.deps, windowsPod(handler, hostProcess), NEVER)).rejects.toThrow(message);
    expect(made.leftovers()).toEqual([]);
  });
});

describe('a container for Windows', () => {
  it('is made without a look at users or paths of this node', async () => {
    await using made = await engine();
    const pod = await runSandbox(made.deps, windowsPod('win'), NEVER);
    const resources = { cpuMaximum: 500 };
    const spec = windowsContainer({ hostProcess: false, runAsUsername: 'nobody-here', resources });
    const id = await createContainer(
      made.deps,
      pod,
      { ...spec, mounts: [{ ...MOUNT, hostPath: 'D:\\data', containerPath: 'C:\\data' }] },
      NEVER,
    );
    const oci = made.objects.objects.get(id)?.spec as OciWindowsSpec;
    expect(oci.process.user).toEqual({ username: 'nobody-here' });
    expect(oci.mounts).toEqual([{ destination: 'C:\\data', source: 'D:\\data', options: ['rw'] }]);
    expect(oci.annotations['io.kubernetes.cri.sandbox-id']).toBe(pod);
    const record = made.store.containers.need(id);
    expect(record).toMatchObject({ snapshotter: 'windows', windowsResources: resources });
    expect([...made.layers.roots.keys()].toSorted()).toEqual([`windows ${id}`, `windows ${pod}`].toSorted());
    await removeSandbox(made.deps, pod, NEVER);
    expect(made.leftovers()).toEqual([]);
  });

  it('gets new limits in its spec, its shim and its record, and none of Linux', async () => {
    await using made = await engine();
    const record = containerRecord({
      state: { phase: 'running', startedAt: 1n, pid: 7 },
      windowsResources: { cpuShares: 5, memoryLimitBytes: 9 },
    });
    await made.store.containers.insert(record);
    const spec = { windows: { resources: { cpu: { shares: 5 } } } };
    await made.objects.create({ ...OBJECT, id: record.id, spec });
    await made.tasks.create({ id: record.id, sandboxId: record.sandboxId, rootfs: [], io: { terminal: false } });
    const update = { cpuMaximum: 700, affinityCpus: [{ mask: '18446744073709551615', group: 0 }] };
    await updateWindowsContainer(made.deps, record.id, update, NEVER);
    const cpu = { maximum: 700, affinity: [{ mask: 18446744073709551615n, group: 0 }] };
    expect(made.tasks.updates).toEqual([
      { id: record.id, platform: 'windows', resources: { memory: { limit: 9 }, cpu } },
    ]);
    expect(made.store.containers.need(record.id).windowsResources).toEqual({ memoryLimitBytes: 9, ...update });
    expect(await made.objects.spec(record.id)).toEqual({ windows: { resources: { memory: { limit: 9 }, cpu } } });
    await expect(updateContainer(made.deps, record.id, { cpuShares: 2 }, NEVER)).rejects.toThrow('is for Windows');
    made.tasks.failUpdate = new Error('no');
    await expect(updateWindowsContainer(made.deps, record.id, { cpuCount: 1 }, NEVER)).rejects.toThrow('no');
    expect(made.store.containers.need(record.id).windowsResources).toEqual({ memoryLimitBytes: 9, ...update });
    expect(await made.objects.spec(record.id)).toEqual({ windows: { resources: { memory: { limit: 9 }, cpu } } });
  });

  it('is not what one for Linux is', async () => {
    await using made = await engine();
    const record = containerRecord({ state: { phase: 'created' } });
    await made.store.containers.insert(record);
    await expect(updateWindowsContainer(made.deps, record.id, { cpuCount: 1 }, NEVER)).rejects.toThrow('is for Linux');
  });
});

describe('a pod of a shim that is not that of runc', () => {
  it('has a task of its own before its containers, and the network of its handler', async () => {
    await using made = await engine();
    const id = await runSandbox(made.deps, podSpec('kata'), NEVER);
    expect(made.objects.objects.get(id)).toMatchObject({
      runtimeType: 'io.containerd.kata.v2',
      shimOptions: { kind: 'other', fields: { configPath: '/k.toml' } },
    });
    expect(made.network.attached.get(sandboxId(id))).toMatchObject({ confDir: '/etc/cni/kata.d' });
    await removeSandbox(made.deps, id, NEVER);
    expect(made.leftovers()).toEqual([]);
  });

  it('is not needed by runc', async () => {
    await using made = await engine();
    const id = await runSandbox(made.deps, podSpec('runc'), NEVER);
    expect(made.objects.objects.size).toBe(0);
    expect(made.network.attached.get(sandboxId(id))).not.toHaveProperty('confDir');
  });
});

const MOUNT = { readonly: false, propagation: 'private', selinuxRelabel: false } as const;
const OBJECT = {
  labels: {},
  image: '',
  runtimeType: '',
  shimOptions: { kind: 'runhcs', fields: {} },
  snapshotter: '',
  snapshotKey: '',
} as const;
