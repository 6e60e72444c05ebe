import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FakeExecSession } from '../exec/fake.ts';
import type { ContainerState } from '../types/index.ts';
import { EXEC_SYNC_OUTPUT_MAX_BYTES, execSync } from './exec-sync.ts';
import { testEngine } from './test-engine.ts';
import { containerRecord } from '../store/test-records.ts';

const NEVER = new AbortController().signal;
const RUNNING: ContainerState = { phase: 'running', startedAt: 1n, pid: 42 };

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => {
  vi.useRealTimers();
  globalThis.davitFault = undefined;
});

/** An engine with one container, whose execs do as `behave` says. */
async function engineWith(behave: (session: FakeExecSession) => void, state = RUNNING) {
  const engine = await testEngine();
  const record = containerRecord({ state });
  await engine.store.containers.insert(record);
  engine.execs.behave = behave;
  const run = (timeoutSeconds = 0, signal = NEVER) =>
    execSync(engine.deps, record.id, ['cmd', 'arg'], timeoutSeconds, signal);
  return { ...engine, record, run };
}

describe('execSync()', () => {
  it('answers both outputs and the exit code, and frees the session', async () => {
    await using engine = await engineWith((session) => {
      session.write('stdout', 'out');
      session.write('stderr', 'err');
      session.write('stdout', 'put');
      session.end(3);
    });
    const { stdout, stderr, exitCode } = await engine.run();
    expect([stdout.toString(), stderr.toString(), exitCode]).toEqual(['output', 'err', 3]);
    expect(engine.execs.sessions).toMatchObject([
      {
        disposed: true,
        killed: false,
        target: { id: engine.record.id, cgroupPath: engine.record.cgroupPath, pid: 42 },
        request: { cmd: ['cmd', 'arg'], tty: false, stdin: false },
      },
    ]);
  });

  it.each<ContainerState>([
    { phase: 'created' },
    { phase: 'exited', finishedAt: 1n, exitCode: 0, reason: 'Completed', message: '' },
  ])('refuses a container that is $phase', async (state) => {
    await using engine = await engineWith(() => undefined, state);
    await expect(engine.run()).rejects.toMatchObject({ kind: 'failed-precondition' });
    expect(engine.execs.sessions).toEqual([]);
  });

  it('does not know a container that is not there', async () => {
    await using engine = await engineWith(() => undefined);
    const running = execSync(engine.deps, 'none', ['cmd'], 0, NEVER);
    await expect(running).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('K14: kills what takes too long and throws deadline-exceeded', async () => {
    await using engine = await engineWith(() => undefined);
    const running = engine.run(5);
    running.catch(() => undefined); // looked at below
    await vi.advanceTimersByTimeAsync(5_000);
    await expect(running).rejects.toMatchObject({
      kind: 'deadline-exceeded',
      message: `exec "cmd" in container ${engine.record.id}: killed after its timeout of 5 s`,
    });
    expect(engine.execs.sessions).toMatchObject([{ killed: true, disposed: true }]);
  });

  it('waits for ever where no timeout was given', async () => {
    await using engine = await engineWith(() => undefined);
    const running = engine.run(0);
    await vi.advanceTimersByTimeAsync(1_000_000_000);
    engine.execs.sessions[0]?.end(0);
    expect((await running).exitCode).toBe(0);
  });

  it('takes a timeout that is longer than a timer', async () => {
    await using engine = await engineWith(() => undefined);
    const running = engine.run(Number.MAX_SAFE_INTEGER);
    await vi.advanceTimersByTimeAsync(1_000_000);
    engine.execs.sessions[0]?.end(0);
    expect((await running).exitCode).toBe(0);
  });

  it('answers though something holds the outputs open, once they are quiet', async () => {
    await using engine = await engineWith((session) => {
      session.end(0, { heldOpen: true });
      setTimeout(() => session.write('stdout', 'late'), 1_500);
    });
    const running = engine.run(1);
    await vi.advanceTimersByTimeAsync(4_500);
    expect((await running).stdout.toString()).toBe('late');
  });

  it('answers though something goes on writing', async () => {
    await using engine = await engineWith((session) => {
      session.end(0, { heldOpen: true });
      const write = (): void => {
        session.write('stdout', '.');
        setTimeout(write, 100);
      };
      write();
    });
    const running = engine.run();
    await vi.advanceTimersByTimeAsync(13_000);
    expect((await running).stdout.length).toBeGreaterThan(50);
  });

  it('ends with its caller', async () => {
    await using engine = await engineWith(() => undefined);
    const caller = new AbortController();
    const running = engine.run(0, caller.signal);
    await vi.advanceTimersByTimeAsync(10);
    caller.abort(new Error('gone'));
    await expect(running).rejects.toThrow('gone');
    expect(engine.execs.sessions).toMatchObject([{ disposed: true }]);
  });

  it('frees a session that was opened when its step failed', async () => {
    await using engine = await engineWith(() => undefined);
    globalThis.davitFault = async (_op, _step, moment) => {
      if (moment === 'after') throw new Error('injected');
    };
    await expect(engine.run()).rejects.toThrow('injected');
    expect(engine.execs.sessions).toMatchObject([{ disposed: true }]);
  });

  it('CVE-2022-1708, CVE-2022-31030: keeps no more of the outputs than a reply holds, however much comes', async () => {
    const piece = 'x'.repeat(1024 * 1024);
    await using engine = await engineWith((session) => {
      for (let i = 0; i < 20; i++) for (const name of ['stdout', 'stderr'] as const) session.write(name, piece);
      session.end(0);
    });
    const { stdout, stderr } = await engine.run();
    expect(stdout.length + stderr.length).toBe(EXEC_SYNC_OUTPUT_MAX_BYTES);
    expect(stdout.length).toBe(stderr.length);
  });
});
