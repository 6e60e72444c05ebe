import { describe, expect, it, vi } from 'vitest';
import { EngineError } from '../errors.ts';
import { createHandlers } from '../runtime/handlers.ts';
import { containerSpec, sandboxSpec } from '../store/test-records.ts';
import type { SandboxSpec } from '../types/index.ts';
import { createContainer } from './create-container.ts';
import { removeSandbox } from './remove-sandbox.ts';
import { runSandbox } from './run-sandbox.ts';
import { startContainer } from './start-container.ts';
import { testEngine } from './test-engine.ts';

const NEVER = new AbortController().signal;
const LABELS = { 'io.kubernetes.pod.name': 'web', 'io.kubernetes.pod.uid': 'u', app: 'web' };

function podOf(namespaces: Partial<SandboxSpec['namespaces']> = {}): SandboxSpec {
  return sandboxSpec({ labels: LABELS, namespaces: { network: 'pod', pid: 'container', ipc: 'pod', ...namespaces } });
}

describe("runSandbox() with pause = 'always'", () => {
  it('gives a pod of its own network a process that cAdvisor takes for the pod, and takes it away with the pod', async () => {
    await using engine = await testEngine();
    const deps = { ...engine.deps, pause: 'always' } as const;
    const id = await runSandbox(deps, podOf(), NEVER);
    expect(engine.tasks.tasks.get(id)?.started).toBe(true);
    const { labels } = engine.objects.objects.get(id) ?? {};
    expect(labels).toMatchObject({ 'io.cri-containerd.kind': 'sandbox', 'io.kubernetes.pod.name': 'web' });
    expect(labels).not.toHaveProperty('app');
    await removeSandbox(deps, id, NEVER);
    expect(engine.leftovers()).toEqual([]);
  });

  it('takes the process away under another configuration, too', async () => {
    await using engine = await testEngine();
    const id = await runSandbox({ ...engine.deps, pause: 'always' }, podOf(), NEVER);
    await removeSandbox(engine.deps, id, NEVER);
    expect(engine.leftovers()).toEqual([]);
  });

  it('is taken away where a runtime that was killed has left it frozen', async () => {
    await using engine = await testEngine();
    const deps = { ...engine.deps, pause: 'always' } as const;
    const id = await runSandbox(deps, podOf(), NEVER);
    const { cgroupParent } = engine.store.sandboxes.need(id);
    const cgroupPath = engine.cgroups.containerPath(cgroupParent, id);
    engine.tasks.failDelete = () =>
      engine.cgroups.thawed.includes(cgroupPath)
        ? undefined
        : new EngineError('unknown', `cannot delete ${id}: paused`);
    await removeSandbox(deps, id, NEVER);
    expect(engine.leftovers()).toEqual([]);
  });

  it('gives none to a pod on the network of the node', async () => {
    await using engine = await testEngine();
    const id = await runSandbox({ ...engine.deps, pause: 'always' }, podOf({ network: 'node' }), NEVER);
    expect(engine.tasks.tasks.has(id)).toBe(false);
  });

  it('keeps it to the CPUs of pause processes, but not the task that another shim has for the pod', async () => {
    await using engine = await testEngine();
    const { config } = engine.deps.handlers.resolve('runc');
    const handlers = { runc: config, kata: { ...config, type: 'io.containerd.kata.v2' } };
    const deps = {
      ...engine.deps,
      pause: 'always',
      handlers: createHandlers({ handlers, defaultRuntime: 'runc' }, 'cgroupfs'),
      defaults: { ...engine.deps.defaults, pods: { ...engine.deps.defaults.pods, pauseCpus: '0' } },
    } as const;
    const kept = await runSandbox(deps, podOf(), NEVER);
    expect(engine.objects.objects.get(kept)?.spec).toMatchObject({ linux: { resources: { cpu: { cpus: '0' } } } });
    const metadata = { name: 'vm', uid: 'u2', namespace: 'default', attempt: 0 };
    const wide = await runSandbox(deps, { ...podOf(), metadata, handler: 'kata' }, NEVER);
    expect(engine.objects.objects.get(wide)?.spec).not.toHaveProperty('linux.resources.cpu');
  });

  it('keeps the pod ready when the process ends', async () => {
    await using engine = await testEngine();
    const id = await runSandbox({ ...engine.deps, pause: 'always' }, podOf(), NEVER);
    engine.tasks.end(id, 137);
    await vi.waitFor(() => expect(engine.store.sandboxes.all()[0]).not.toHaveProperty('pausePid'));
    expect(engine.store.sandboxes.all()[0]?.state.phase).toBe('ready');
  });

  it('shares its PIDs with no container', async () => {
    await using engine = await testEngine();
    const deps = { ...engine.deps, pause: 'always' } as const;
    const id = await runSandbox(deps, podOf(), NEVER);
    const { security } = containerSpec();
    const spec = containerSpec({ command: ['sh'], security: { ...security, pid: 'pod' } });
    await expect(
      createContainer(deps, id, spec, NEVER).then((container) => startContainer(deps, container, NEVER)),
    ).rejects.toThrow('without a PID namespace of its own to share');
  });
});

describe("runSandbox() with pause = 'auto'", () => {
  it('starts a process for shared PIDs alone, and the pod ends with it', async () => {
    await using engine = await testEngine();
    const plain = await runSandbox(engine.deps, podOf(), NEVER);
    expect(engine.tasks.tasks.has(plain)).toBe(false);
    await removeSandbox(engine.deps, plain, NEVER);
    const shared = await runSandbox(engine.deps, podOf({ pid: 'pod' }), NEVER);
    engine.tasks.end(shared, 137);
    await vi.waitFor(() => expect(engine.store.sandboxes.all()[0]?.state.phase).toBe('not-ready'));
  });
});
