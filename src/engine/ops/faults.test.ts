import { afterEach, describe, expect, it } from 'vitest';
import type { OpDefinition } from '../op.ts';
import { CREATE_CONTAINER, createContainer } from './create-container.ts';
import { removeSandbox } from './remove-sandbox.ts';
import { RUN_SANDBOX, runSandbox } from './run-sandbox.ts';
import { START_CONTAINER, startContainer } from './start-container.ts';
import { removeContainer } from './remove-container.ts';
import { testEngine } from './test-engine.ts';
import { containerSpec, sandboxSpec } from '../store/test-records.ts';

const NEVER = new AbortController().signal;

/** With every optional step in it: a shared PID namespace, sysctls. */
const POD = sandboxSpec({
  namespaces: { network: 'pod', pid: 'pod', ipc: 'pod' },
  sysctls: { 'net.ipv4.ip_forward': '1' },
});
const CONTAINER = containerSpec({
  command: ['sleep', '1'],
  mounts: [
    {
      containerPath: '/vol',
      hostPath: '',
      image: { image: 'docker.io/library/busybox:latest' },
      readonly: true,
      propagation: 'private',
      selinuxRelabel: false,
    },
  ],
});

afterEach(() => {
  globalThis.davitFault = undefined;
});

/** Every step of an operation, once failing before and once after it was done. */
function faultsOf({ op, steps }: OpDefinition): readonly (readonly [string, string, 'before' | 'after'])[] {
  return steps.flatMap((step) => [[op, step, 'before'] as const, [op, step, 'after'] as const]);
}

/** Fails one moment, once; returns whether it was passed. */
function failOnce(op: string, step: string, moment: string): () => boolean {
  let passed = false;
  globalThis.davitFault = async (atOp, atStep, atMoment) => {
    if (passed || atOp !== op || atStep !== step || atMoment !== moment) return;
    passed = true;
    throw new Error('injected');
  };
  return () => passed;
}

describe('runSandbox()', () => {
  it.each(faultsOf(RUN_SANDBOX))(
    '%s leaves nothing when %s fails %s it was done, and a retry succeeds',
    async (op, step, moment) => {
      await using engine = await testEngine();
      const passed = failOnce(op, step, moment);
      await expect(runSandbox(engine.deps, POD, NEVER)).rejects.toThrow(`${step.replaceAll('-', ' ')}: injected`);
      expect(passed()).toBe(true);
      expect(engine.leftovers()).toEqual([]);
      const id = await runSandbox(engine.deps, POD, NEVER);
      expect(engine.store.sandboxes.need(id).state.phase).toBe('ready');
    },
  );

  it('keeps a not-ready record of what could not be undone, which removal then cleans up', async () => {
    await using engine = await testEngine();
    failOnce('run-sandbox', 'attach-network', 'after');
    engine.network.failNext('detach', new Error('the plugin is broken'));
    await expect(runSandbox(engine.deps, POD, NEVER)).rejects.toThrow('injected');
    expect(engine.undoFailures).toMatchObject([{ name: 'attach-network', message: 'the plugin is broken' }]);
    const [record] = engine.store.sandboxes.list();
    expect(record?.state).toMatchObject({ phase: 'not-ready' });
    await removeSandbox(engine.deps, record?.id ?? '', NEVER);
    expect(engine.leftovers()).toEqual([]);
  });
});

describe('createContainer()', () => {
  it.each(faultsOf(CREATE_CONTAINER))(
    '%s leaves nothing when %s fails %s it was done, and a retry succeeds',
    async (op, step, moment) => {
      await using engine = await testEngine();
      const sandbox = await runSandbox(engine.deps, POD, NEVER);
      const before = engine.leftovers();
      const passed = failOnce(op, step, moment);
      await expect(createContainer(engine.deps, sandbox, CONTAINER, NEVER)).rejects.toThrow('injected');
      expect(passed()).toBe(true);
      expect(engine.leftovers()).toEqual(before);
      const id = await createContainer(engine.deps, sandbox, CONTAINER, NEVER);
      expect(engine.store.containers.need(id).state.phase).toBe('created');
    },
  );
});

describe('startContainer()', () => {
  it.each(faultsOf(START_CONTAINER))(
    '%s leaves no task when %s fails %s it was done, and tells why',
    async (op, step, moment) => {
      await using engine = await testEngine();
      const sandbox = await runSandbox(engine.deps, sandboxSpec(), NEVER);
      const before = engine.leftovers();
      const id = await createContainer(engine.deps, sandbox, CONTAINER, NEVER);
      const passed = failOnce(op, step, moment);
      await expect(startContainer(engine.deps, id, NEVER)).rejects.toThrow('injected');
      expect(passed()).toBe(true);
      expect(engine.tasks.tasks.size).toBe(0);
      // Before its first step the start has changed nothing: it may be tried again.
      const untouched = step === 'mark-starting' && moment === 'before';
      const expected = untouched ? { phase: 'created' } : { phase: 'exited', reason: 'StartError', exitCode: 128 };
      expect(engine.store.containers.need(id).state).toMatchObject(expected);
      await removeContainer(engine.deps, id, NEVER);
      expect(engine.leftovers()).toEqual(before);
    },
  );
});
