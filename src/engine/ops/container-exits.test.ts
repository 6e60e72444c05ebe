import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import type { TaskEnd } from '../runtime/task-types.ts';
import { ContainerExits } from './container-exits.ts';

const EXIT: TaskEnd = { kind: 'exited', exit: { exitCode: 3, exitedAt: 5n } };
const LOGGER = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Answers each wait with the next of `answers`. */
function exits(answers: readonly (() => Promise<TaskEnd>)[], reachable = async (): Promise<void> => undefined) {
  const rest = answers.values();
  return new ContainerExits({
    tasks: { wait: async () => await (rest.next().value ?? (() => new Promise<TaskEnd>(() => undefined)))() },
    logger: LOGGER,
    reachable,
  });
}

describe('ContainerExits.watch()', () => {
  it('hands the exit to its handler once, and settled() waits for the handler', async () => {
    const watch = exits([async () => EXIT]);
    const seen: (TaskEnd | undefined)[] = [];
    const handler = async (end: TaskEnd | undefined): Promise<void> => void seen.push(end);
    watch.watch('a', handler);
    watch.watch('a', handler);
    await watch.settled('a');
    expect(seen).toEqual([EXIT]);
  });

  it('waits with settled() until the signal aborts, and tells the others of the exit', async () => {
    const { promise, resolve } = Promise.withResolvers<typeof EXIT>();
    const watch = exits([async () => await promise]);
    watch.watch('a', async () => undefined);
    const leaving = new AbortController();
    const left = watch.settled('a', leaving.signal);
    const stays = watch.settled('a');
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    resolve(EXIT);
    await stays;
    await watch.settled('a', leaving.signal);
  });

  it('tells a lost status as undefined when containerd has no such task', async () => {
    const watch = exits([async () => Promise.reject(new EngineError('not-found', 'no task'))]);
    const seen: (TaskEnd | undefined)[] = [];
    watch.watch('a', async (end) => void seen.push(end));
    await watch.settled('a');
    expect(seen).toEqual([undefined]);
  });

  it('waits for containerd to come back and asks again', async () => {
    let asked = 0;
    const answers = [
      async () => Promise.reject(new EngineError('unavailable', 'containerd is away')),
      async () => EXIT,
    ];
    const watch = exits(answers, async () => void asked++);
    const seen: (TaskEnd | undefined)[] = [];
    watch.watch('a', async (end) => void seen.push(end));
    await watch.settled('a');
    expect(seen).toEqual([EXIT]);
    expect(asked).toBe(1);
  });

  it('does not forget an exit whose handler fails', async () => {
    const watch = exits([async () => EXIT]);
    let tries = 0;
    watch.watch('a', async () => {
      tries += 1;
      if (tries === 1) throw new Error('disk full');
    });
    await watch.settled('a');
    expect(tries).toBe(2);
  });

  it("is nobody's work, however it was begun", async () => {
    const context = new AsyncLocalStorage<string>();
    const detached = AsyncLocalStorage.snapshot();
    const watch = new ContainerExits({
      tasks: { wait: async () => EXIT },
      logger: LOGGER,
      reachable: async () => undefined,
      detached: (work) => detached(work),
    });
    const seen: unknown[] = [];
    context.run('a call', () => watch.watch('a', async () => void seen.push(context.getStore())));
    await watch.settled('a');
    expect(seen).toEqual([undefined]);
  });

  it('settles at once for what is not watched', async () => {
    expect(await exits([]).settled('nobody')).toBeUndefined();
  });
});

describe('ContainerExits.declare()', () => {
  it('ends the wait for an exit that nobody else will tell', async () => {
    const watch = exits([() => new Promise(() => undefined)]);
    const seen: (TaskEnd | undefined)[] = [];
    watch.watch('a', async (end) => void seen.push(end));
    const exit = { exitCode: 137, exitedAt: 7n };
    watch.declare('a', exit);
    watch.declare('nobody', exit);
    await watch.settled('a');
    expect(seen).toEqual([{ kind: 'exited', exit }]);
  });
});

describe('ContainerExits.close()', () => {
  it('ends every watch without an exit', async () => {
    const seen: unknown[] = [];
    const watch = new ContainerExits({
      tasks: {
        wait: async (_id, signal) =>
          await new Promise<TaskEnd>((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          }),
      },
      logger: LOGGER,
      reachable: async () => undefined,
    });
    watch.watch('a', async (end) => void seen.push(end));
    await watch.close();
    expect(seen).toEqual([]);
  });
});
