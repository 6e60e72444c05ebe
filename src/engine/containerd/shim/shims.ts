import { EngineError } from '../../errors.ts';
import type { Nanos, ShimAddress } from '../../types/index.ts';
import { shimV2Service, shimV3Service } from '../generated/containerd.js';
import { nanosOf } from '../timestamp.ts';
import { findShim } from './find-shim.ts';
import type { ShimCalls } from './shim-calls.ts';

/** The end of a task's process, as its shim tells it. */
export interface ShimExit {
  readonly exitCode: number;
  readonly exitedAt: Nanos;
}

export interface ShimKill {
  /** The task's. */
  readonly id: string;
  /** A signal's number. */
  readonly signal: number;
  /** All of the task's processes, not only its first. */
  readonly all: boolean;
}

/**
 * Shims, asked directly: what they know does not depend on containerd, which may be away, and which forgets the tasks that
 * ended meanwhile when it comes back. Errors are EngineErrors; one that is `ShimGone` says that the shim has ended.
 */
export interface Shims {
  /** See findShim(). */
  find(initPid: number, taskId: string): ShimAddress | undefined;
  /** Resolves when the task's process has ended, at once if it has. not-found when the shim does not know the task. */
  wait(shim: ShimAddress, taskId: string, signal: AbortSignal): Promise<ShimExit>;
  /** False when there was nothing to signal any more. */
  kill(shim: ShimAddress, request: ShimKill, signal: AbortSignal): Promise<boolean>;
}

export function createShims(calls: ShimCalls): Shims {
  return new TtrpcShims(calls);
}

/** Requests and answers are the same in both versions; the service's name is not. */
const SERVICES = { 2: shimV2Service, 3: shimV3Service };

class TtrpcShims implements Shims {
  readonly #calls: ShimCalls;

  constructor(calls: ShimCalls) {
    this.#calls = calls;
  }

  find(initPid: number, taskId: string): ShimAddress | undefined {
    return findShim(initPid, taskId);
  }

  async wait(shim: ShimAddress, taskId: string, signal: AbortSignal): Promise<ShimExit> {
    const { exitStatus, exitedAt } = await this.#calls.call(shim, SERVICES[shim.version].wait, { id: taskId }, signal);
    if (exitedAt === null) throw new EngineError('internal', `the shim of ${taskId} answered an exit without its time`);
    return { exitCode: exitStatus, exitedAt: nanosOf(exitedAt) };
  }

  async kill(shim: ShimAddress, request: ShimKill, signal: AbortSignal): Promise<boolean> {
    return await unlessGone(this.#calls.call(shim, SERVICES[shim.version].kill, request, signal));
  }
}

async function unlessGone(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof EngineError && (error.kind === 'not-found' || error.kind === 'failed-precondition'))
      return false;
    throw error;
  }
}
