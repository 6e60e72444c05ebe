import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createShims, ShimCalls, ShimGone } from '../../src/engine/containerd/index.ts';
import { isKind } from '../../src/engine/errors.ts';
import { ExecFixture } from '../../src/engine/exec/exec-fixture.ts';

const NAMESPACE = 'exec';
const SIGKILL = 9;
const signal = AbortSignal.timeout(110_000);

let fixture: ExecFixture;

beforeAll(async () => {
  fixture = await ExecFixture.start();
});

afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

describe('createShims() on a real shim', () => {
  it('finds it by its task, learns the exit while containerd is away, and lets it end', async () => {
    const shims = createShims(new ShimCalls(NAMESPACE));
    const { id, pid } = fixture.target;
    const shim = shims.find(pid, id);
    if (shim === undefined) throw new Error('no shim was found');
    await expect(shims.wait(shim, 'no-such-task', signal)).rejects.toMatchObject({ kind: 'not-found' });

    const waiting = shims.wait(shim, id, signal);
    await fixture.containerd.kill();
    expect(await shims.kill(shim, { id, signal: SIGKILL, all: true }, signal)).toBe(true);
    const exit = await waiting;
    expect(exit.exitCode).toBe(128 + SIGKILL);
    expect(Math.abs(Number(exit.exitedAt / 1_000_000n) - Date.now())).toBeLessThan(60_000);
    // Who asks later is told the same, and nothing is left to kill.
    expect(await shims.wait(shim, id, signal)).toEqual(exit);
    expect(await shims.kill(shim, { id, signal: SIGKILL, all: false }, signal)).toBe(false);

    await fixture.containerd.start();
    await deleteTask(id);
    await expect(untilGone(() => shims.wait(shim, id, signal))).resolves.toBe('gone');
  });
});

/** containerd 1.7 and later have forgotten it. The connection to it may need a moment. */
async function deleteTask(containerId: string): Promise<void> {
  for (;;) {
    try {
      await fixture.clients.tasks.delete({ containerId }, { signal });
      return;
    } catch (error) {
      if (isKind(error, 'not-found')) return;
      if (!isKind(error, 'unavailable')) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The shim ends with its last task; its socket may go a moment earlier. */
async function untilGone(ask: () => Promise<unknown>): Promise<string> {
  for (;;) {
    try {
      await ask();
    } catch (error) {
      if (error instanceof ShimGone) return 'gone';
      if (error instanceof Error && error.message.includes('ENOENT')) return 'gone';
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    signal.throwIfAborted();
  }
}
