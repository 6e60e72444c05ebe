import process from 'node:process';
import { isKind, messageOf } from '../errors.ts';
import { within } from '../rollback.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';

export type SendSignalDeps = Pick<OpsDeps, 'tasks' | 'cgroups' | 'work' | 'logger'>;

/** A signal is sent in some ten ms; a shim that takes longer than this must not keep others from the node's work. */
export const SEND_PATIENCE_MS = 500;
const NEVER = new AbortController().signal;

/**
 * Sends a signal to the container's first process through its shim; to the process itself where the shim does not answer
 * in time. Never rejects: what is not sent is told by the log.
 */
export async function sendSignal(
  deps: SendSignalDeps,
  record: ContainerRecord,
  signalNumber: number,
  callMs: number,
): Promise<void> {
  try {
    const send = (): Promise<boolean> => deps.tasks.kill(record.id, signalNumber, false, AbortSignal.timeout(callMs));
    await deps.work.run(NEVER, send, SEND_PATIENCE_MS);
  } catch (error) {
    const fields = { container: record.id, signal: signalNumber, error: messageOf(error) };
    deps.logger.warn(fields, 'the shim did not send a signal; sending it without the shim');
    await sendDirectly(deps, record, signalNumber);
  }
}

/** Node takes a longer one for one of a millisecond. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** True when `exited` comes within the time; throws when the caller's signal aborts first. */
export async function endsWithin(exited: Promise<void>, milliseconds: number, signal: AbortSignal): Promise<boolean> {
  const { promise: timedOut, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), Math.min(milliseconds, LONGEST_TIMER_MS));
  try {
    return await within(signal, Promise.race([exited.then(() => true), timedOut]));
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a call failed because nothing came of it, or because nobody was there to take it. */
export function isSilence(error: unknown): boolean {
  return isKind(error, 'deadline-exceeded') || isKind(error, 'cancelled');
}

async function sendDirectly(deps: SendSignalDeps, record: ContainerRecord, signalNumber: number): Promise<void> {
  if (record.state.phase !== 'running') return;
  const { pid } = record.state;
  try {
    // The number may be another process' by now.
    if ((await deps.cgroups.processes(record.cgroupPath)).includes(pid)) process.kill(pid, signalNumber);
  } catch (error) {
    deps.logger.warn({ container: record.id, pid, error: messageOf(error) }, 'a signal was not sent');
  }
}
