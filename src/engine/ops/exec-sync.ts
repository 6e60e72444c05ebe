import { EngineError } from '../errors.ts';
import { CappedOutput } from '../exec/index.ts';
import type { ExecExit, ExecSession, ExecSyncResult } from '../exec/index.ts';
import { within } from '../rollback.ts';
import { openExec } from './open-exec.ts';
import type { OpenExecDeps } from './open-exec.ts';

/**
 * What is kept of both outputs together: with its framing it makes a reply of less than the 16 MiB that kubelet and
 * crictl receive. The rest is read and dropped, so that the command comes to its end.
 */
export const EXEC_SYNC_OUTPUT_MAX_BYTES = 16 * 1024 * 1024 - 1024;

/** How long the processes of a command that took too long may hold the answer back by dying slowly. */
const KILL_WAIT_MS = 2_000;
/**
 * What a command has written is read to its end, but a process that it leaves behind may hold its outputs open for ever:
 * the answer comes when nothing was read for the first of these times, and after the second in any case.
 */
const DRAIN_QUIET_MS = 2_000;
const DRAIN_MOST_MS = 10_000;
/** A timer's longest time is 2^31 ms, some 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs a command in a container to its end; an exit code other than 0 is an answer. After `timeoutSeconds` (0: never) from
 * its start the command and all that came of it are killed, and the call fails with deadline-exceeded; they are killed,
 * too, when the caller goes. What a command that ended in time leaves running lives on.
 */
export async function execSync(
  deps: OpenExecDeps,
  id: string,
  cmd: readonly string[],
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<ExecSyncResult> {
  const output = new CappedOutput(EXEC_SYNC_OUTPUT_MAX_BYTES);
  const request = {
    cmd,
    tty: false,
    stdin: false,
    stdout: (chunk: Buffer) => output.add('stdout', chunk),
    stderr: (chunk: Buffer) => output.add('stderr', chunk),
  };
  await using session = await openExec(deps, id, request, signal);
  const exit = await exitInTime(session, timeoutSeconds, signal);
  if (exit === undefined) {
    await session.kill(AbortSignal.any([signal, AbortSignal.timeout(KILL_WAIT_MS)])).catch(() => undefined); // disposal goes on with it
    throw new EngineError(
      'deadline-exceeded',
      `exec ${JSON.stringify(cmd[0])} in container ${id}: killed after its timeout of ${timeoutSeconds} s`,
    );
  }
  await drain(session, output, signal);
  return { stdout: output.take('stdout'), stderr: output.take('stderr'), exitCode: exit.exitCode };
}

/** Undefined when the time is over. */
async function exitInTime(
  session: ExecSession,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<ExecExit | undefined> {
  if (timeoutSeconds === 0) return await within(signal, session.exit);
  return await withinTime(session.exit, timeoutSeconds * 1000, signal);
}

async function drain(session: ExecSession, output: CappedOutput, signal: AbortSignal): Promise<void> {
  const drained = session.drained.then(() => true);
  const end = performance.now() + DRAIN_MOST_MS;
  let before: number;
  do {
    before = output.received;
    if ((await withinTime(drained, DRAIN_QUIET_MS, signal)) === true) return;
  } while (output.received !== before && performance.now() < end);
}

/** Undefined when `work` takes longer; throws when the caller's signal aborts first. */
async function withinTime<T>(work: Promise<T>, milliseconds: number, signal: AbortSignal): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), Math.min(milliseconds, MAX_TIMER_MS));
  try {
    return await within(signal, Promise.race([work, late]));
  } finally {
    clearTimeout(timer);
  }
}
