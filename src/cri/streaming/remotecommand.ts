import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../engine/index.ts';
import type { CommandSession } from './command-session.ts';
import { encodeStatus, failureStatus } from './command-status.ts';
import type { CommandStatus } from './command-status.ts';
import { LinkedSignal } from './linked-signal.ts';
import type { TerminalSize } from './resize.ts';
import type { ProcessOutput, RemoteProcess } from './targets.ts';
import { TerminalSizes } from './terminal-sizes.ts';

export interface CommandDeps {
  /** Starts or joins the process; `size` is the terminal's where it is waited for, and came in time. */
  readonly start: (signal: AbortSignal, size: TerminalSize | undefined) => Promise<RemoteProcess>;
  /** How long the start waits for the terminal's size, so that the process finds it; absent: it does not. */
  readonly firstSizeMs?: number;
  readonly statusOf: (exitCode: number) => CommandStatus;
  /** Aborted, with an error for the client to read, when the server ends the session. */
  readonly stop: AbortSignal;
  /** The process could not be disposed of. */
  readonly onLeft: (error: unknown) => void;
  /** How long an output that outlives its process may be silent; 10 s unless said otherwise. */
  readonly quietAfterExitMs?: number;
}

/**
 * A process that has ended may have left its output to another. Nothing of it for so long, with the client taking what
 * there is, ends the session.
 */
const QUIET_AFTER_EXIT_MS = 10_000;
/** For the client to read why the server ends the session. */
const LAST_WORDS_MS = 1_000;

/**
 * Connects a client to a process until the process ends, the client goes, or `stop`; then tells the client how it
 * ended and hangs up. Resolves with what the client is told; rejects never.
 */
export async function serveCommand(session: CommandSession, deps: CommandDeps): Promise<CommandStatus> {
  using either = LinkedSignal.of(session.gone, deps.stop);
  const { process, status } = await run(session, deps, either.signal);
  await Promise.all([report(session, status, deps.stop), release(process, deps.onLeft)]);
  return status;
}

async function release(process: RemoteProcess | undefined, onLeft: CommandDeps['onLeft']): Promise<void> {
  await nextTurn(); // the client first, who waits
  try {
    await process?.[Symbol.asyncDispose]();
  } catch (error) {
    onLeft(error);
  }
}

interface Ran {
  readonly process?: RemoteProcess;
  readonly status: CommandStatus;
}

async function run(session: CommandSession, deps: CommandDeps, signal: AbortSignal): Promise<Ran> {
  const { start, statusOf, firstSizeMs, quietAfterExitMs = QUIET_AFTER_EXIT_MS } = deps;
  const failed = (error: unknown): CommandStatus => failureStatus(messageOf(signal.aborted ? signal.reason : error));
  const sizes = TerminalSizes.of(session.resize);
  try {
    const process = await start(signal, firstSizeMs === undefined ? undefined : await sizes.first(firstSizeMs));
    // It ends with the client, or with a process that has no terminal any more: both are told elsewhere.
    sizes.follow(({ width, height }) => process.resize(width, height)).catch(() => undefined);
    const status = await connect(session, process, quietAfterExitMs, signal).then(statusOf, failed);
    return { process, status };
  } catch (error) {
    return { status: failed(error) };
  }
}

/** Resolves with the exit code once all output is with the client; rejects when the signal is aborted. */
async function connect(
  session: CommandSession,
  process: RemoteProcess,
  quietMs: number,
  signal: AbortSignal,
): Promise<number> {
  const outputs = [relay(process.stdout, session.stdout), relay(process.stderr, session.stderr)];
  forwardInput(session.stdin, process.stdin);
  const { exitCode } = await unlessAborted(process.exit, signal);
  discard(session.stdin, process.stdin);
  await unlessAborted(allSent(outputs, quietMs), signal);
  return exitCode;
}

async function report(session: CommandSession, status: CommandStatus, stop: AbortSignal): Promise<void> {
  session.error.end(encodeStatus(status, session.statusFormat));
  const hurry = new AbortController();
  const later = (): void => void setTimeout(() => hurry.abort(), LAST_WORDS_MS).unref();
  stop.addEventListener('abort', later, { once: true });
  if (stop.aborted) later();
  await session.close(hurry.signal);
  stop.removeEventListener('abort', later);
}

/** The end of the client's input is the end of the process's; that the client has gone is not. */
function forwardInput(from: Readable | undefined, to: Writable | undefined): void {
  if (from === undefined) return;
  if (to === undefined) return discard(from, undefined);
  // A process may close its input and live on: what still comes is for nobody.
  to.on('error', () => discard(from, to));
  to.on('close', () => discard(from, to));
  from.pipe(to);
}

/** Reads on, or the client could say nothing else any more. */
function discard(from: Readable | undefined, to: Writable | undefined): void {
  if (from === undefined) return;
  if (to !== undefined) from.unpipe(to);
  from.resume();
}

interface Relay {
  /** Settled when the output has ended and all of it is on its way, or when one side has broken. */
  readonly done: Promise<unknown>;
  /** Changes when output comes. */
  readonly pieces: () => number;
  /** The client has not taken yet what came. */
  readonly isBlocked: () => boolean;
}

function relay(from: ProcessOutput | undefined, to: Writable | undefined): Relay {
  // Also one that comes after the end: it concerns nobody any more.
  from?.on('error', () => undefined);
  if (from === undefined || to === undefined) {
    to?.end();
    from?.resume();
    return { done: Promise.resolve(), pieces: () => 0, isBlocked: () => false };
  }
  let pieces = 0;
  const onPiece = (): void => void pieces++;
  const all = from.forwardTo?.(to, onPiece) ?? pipeline(from.on('data', onPiece), to);
  const done = all.catch(() => undefined);
  return { done, pieces: () => pieces, isBlocked: () => to.writableLength > 0 };
}

async function allSent(relays: readonly Relay[], quietMs: number): Promise<void> {
  const done = Promise.all(relays.map((one) => one.done)).then(() => true);
  for (;;) {
    const before = relays.map((one) => one.pieces());
    const timer = new AbortController();
    const quiet = sleep(quietMs, false, { signal: timer.signal }).catch(() => false);
    const isDone = await Promise.race([done, quiet]);
    timer.abort();
    const isQuiet = relays.every((one, at) => one.pieces() === before[at] && !one.isBlocked());
    if (isDone || isQuiet) return;
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
