import { describe, expect, it } from 'vitest';
import type { ContainerState } from '../types/index.ts';
import { attachContainer } from './attach-container.ts';
import { watchContainer } from './start-container.ts';
import { StdinEnds } from './stdin-ends.ts';
import { testEngine } from './test-engine.ts';
import { containerRecord, containerSpec } from '../store/test-records.ts';

const NEVER = new AbortController().signal;
const RUNNING: ContainerState = { phase: 'running', startedAt: 1n, pid: 7 };
const ALL = { stdin: true, stdout: true, stderr: true };

async function engineWith(state: ContainerState, tty = false) {
  const engine = await testEngine();
  const record = containerRecord({ state, spec: containerSpec({ tty, stdin: true }) });
  await engine.store.containers.insert(record);
  await engine.log.prepare({ containerId: record.id, stdin: true, stdinOnce: false, tty }, NEVER);
  if (state.phase === 'running') {
    await engine.tasks.create({ id: record.id, sandboxId: record.sandboxId, rootfs: [], io: { terminal: tty } });
    watchContainer(engine.deps, record.id);
  }
  return { engine, record, attach: () => attachContainer(engine.deps, record.id, ALL, NEVER) };
}

describe('attachContainer()', () => {
  it('resolves with the exit once it is recorded', async () => {
    const { engine, record, attach } = await engineWith(RUNNING);
    await using _ = engine;
    const session = await attach();
    expect([session.stdin, session.stdout, session.stderr].includes(undefined)).toBe(false);
    engine.tasks.end(record.id, 42);
    expect(await session.exit).toEqual({ exitCode: 42 });
    expect(engine.store.containers.need(record.id).state).toMatchObject({ phase: 'exited', exitCode: 42 });
  });

  it('waits for the exit when the output ends before', async () => {
    const { engine, record, attach } = await engineWith(RUNNING);
    await using _ = engine;
    const session = await attach();
    engine.log.attachments[0]?.end.resolve('ended');
    setImmediate(() => engine.tasks.end(record.id, 3));
    expect(await session.exit).toEqual({ exitCode: 3 });
  });

  it('ends with success when its stdin has ended, and with the reason when it was dropped', async () => {
    const { engine, attach } = await engineWith(RUNNING);
    await using _ = engine;
    const detached = await attach();
    engine.log.attachments[0]?.end.resolve('detached');
    expect(await detached.exit).toEqual({ exitCode: 0 });
    const dropped = await attach();
    engine.log.attachments[1]?.end.reject(new Error('too slow'));
    await expect(dropped.exit).rejects.toThrow('too slow');
    await dropped[Symbol.asyncDispose]();
    expect(engine.log.attachments[1]?.disposed).toBe(true);
  });

  it('ends with an error when davitd does', async () => {
    const { engine, attach } = await engineWith(RUNNING);
    await using _ = engine;
    const session = await attach();
    await engine.deps.exits.close();
    await expect(session.exit).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it.each([
    { phase: 'created' } as const,
    { phase: 'exited', finishedAt: 1n, exitCode: 0, reason: 'Completed', message: '' } as const,
  ])('refuses a container that is $phase', async (state) => {
    const { engine, attach } = await engineWith(state);
    await using _ = engine;
    await expect(attach()).rejects.toMatchObject({ kind: 'failed-precondition' });
  });

  it('sizes terminals only', async () => {
    const [plain, terminal] = [await engineWith(RUNNING), await engineWith(RUNNING, true)];
    await using _ = plain.engine;
    await using terminalEngine = terminal.engine;
    await (await plain.attach()).resize(80, 25);
    await (await terminal.attach()).resize(100, 30);
    expect(plain.engine.tasks.sizes).toEqual([]);
    expect(terminalEngine.tasks.sizes).toEqual([{ id: terminal.record.id, width: 100, height: 30 }]);
  });
});

describe('StdinEnds', () => {
  it('tries until containerd has done it', async () => {
    const { engine, record } = await engineWith(RUNNING);
    await using _ = engine;
    let asked = 0;
    const tried = Promise.withResolvers<void>();
    const reachable = async (): Promise<void> => {
      if (++asked === 2) tried.resolve();
      engine.tasks.failCloseStdin = asked < 2 ? new Error('away') : undefined;
    };
    const ends = new StdinEnds({ tasks: engine.tasks, logger: engine.deps.logger, reachable });
    ends.end(record.id);
    ends.end(record.id);
    await tried.promise;
    await expect.poll(() => engine.tasks.stdinClosed).toEqual([record.id]);
    await ends.close();
    ends.end(record.id);
    expect(asked).toBe(2);
  });
});
