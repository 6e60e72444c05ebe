import type { Readable, Writable } from 'node:stream';
import { EngineError, messageOf } from '../errors.ts';
import type { ContainerId } from '../ids.ts';
import type { AttachStreams, LogAttachment } from '../log/index.ts';
import type { OpsDeps } from './deps.ts';

export type AttachContainerDeps = Pick<OpsDeps, 'store' | 'log' | 'tasks' | 'exits' | 'logger'>;

/** A client's connection to a running container. Disposing of it leaves the container running. */
export interface AttachSession extends AsyncDisposable {
  /** There when they were asked for; see LogAttachment. A terminal's stderr is empty. */
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  /** Sizes the terminal; nothing happens to a container that has none, or that has ended. Never rejects. */
  resize(width: number, height: number): Promise<void>;
  /**
   * Resolves when the container's exit has been recorded, with its code, and with 0 when the client has ended its stdin
   * and so the session. Output may still come after it. Rejects when the session was lost, or dropped for being too slow.
   */
  readonly exit: Promise<{ readonly exitCode: number }>;
}

const RESIZE_DEADLINE_MS = 10_000;

/** Connects a client to a running container's streams, from now on. `signal` ends the opening, not the session. */
export async function attachContainer(
  deps: AttachContainerDeps,
  id: string,
  streams: AttachStreams,
  signal: AbortSignal,
): Promise<AttachSession> {
  const record = deps.store.containers.need(id);
  if (record.state.phase !== 'running') {
    const { phase } = record.state;
    throw new EngineError(
      'failed-precondition',
      `container ${record.id} is ${phase}; only a running one is attached to`,
    );
  }
  const left = new AbortController();
  const settled = deps.exits.settled(record.id, left.signal);
  settled.catch(() => undefined); // the session has ended before the container
  let attachment: LogAttachment;
  try {
    attachment = await deps.log.attach(record.id, streams, signal);
  } catch (error) {
    left.abort();
    throw error;
  }
  const exit = exitOf(deps, record.id, attachment, settled).finally(() => left.abort());
  exit.catch(() => undefined); // whoever waits for it gets the error
  const { stdin, stdout, stderr } = attachment;
  return {
    ...(stdin === undefined ? {} : { stdin }),
    ...(stdout === undefined ? {} : { stdout }),
    ...(stderr === undefined ? {} : { stderr }),
    exit,
    resize: async (width, height) => {
      if (record.spec.tty) await resizeTerminal(deps, record.id, width, height);
    },
    [Symbol.asyncDispose]: async () => {
      await attachment[Symbol.asyncDispose]();
      left.abort();
    },
  };
}

async function exitOf(
  deps: AttachContainerDeps,
  id: ContainerId,
  attachment: LogAttachment,
  settled: Promise<void>,
): Promise<{ readonly exitCode: number }> {
  // An attachment that ends with the container's output says nothing: its exit follows, or came before.
  const left = attachment.ended.then((how) => (how === 'detached' ? { exitCode: 0 } : exitCodeOf(deps, id, settled)));
  return await Promise.race([left, exitCodeOf(deps, id, settled)]);
}

async function exitCodeOf(
  deps: AttachContainerDeps,
  id: ContainerId,
  settled: Promise<void>,
): Promise<{ readonly exitCode: number }> {
  await settled;
  const state = deps.store.containers.get(id)?.state;
  if (state?.phase === 'exited') return { exitCode: state.exitCode };
  throw new EngineError('unavailable', `container ${id} is not watched any more: davitd is ending; attach again`);
}

async function resizeTerminal(
  { tasks, logger }: AttachContainerDeps,
  id: ContainerId,
  width: number,
  height: number,
): Promise<void> {
  try {
    await tasks.resize(id, { width, height }, AbortSignal.timeout(RESIZE_DEADLINE_MS));
  } catch (error) {
    logger.warn({ container: id, error: messageOf(error) }, 'the terminal was not resized');
  }
}
