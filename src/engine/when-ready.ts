import type { Containerd } from './containerd/index.ts';
import { EngineError } from './errors.ts';
import type { ReadyGate } from './ready-gate.ts';

/** What a caller needs before it is served, and for how long it can wait for it. */
export interface Need {
  /** Whether containerd must be there: false for what is done from memory, or by davit and the kernel alone. */
  readonly containerd: boolean;
  /** Milliseconds after which it would rather be told what is missing than wait; Infinity: no limit of its own. */
  readonly patienceMs: number;
}

export interface WhenReadyDeps {
  readonly gate: Pick<ReadyGate, 'isOpen' | 'wait'>;
  readonly containerd: Pick<Containerd, 'status' | 'ready'>;
  /** The longest wait for a containerd that is away, in ms. */
  readonly containerdWaitMs: number;
}

/** Resolves when restore has ended and what is needed is there; throws unavailable, saying what is missing. */
export async function whenReady(deps: WhenReadyDeps, need: Need, signal: AbortSignal): Promise<void> {
  const { gate, containerd } = deps;
  if (!gate.isOpen) {
    await patiently(
      need.patienceMs,
      signal,
      (until) => gate.wait(until),
      () => missing(deps),
    );
  }
  const { ready, reason } = containerd.status();
  if (!need.containerd || ready) return;
  // Another containerd than the one that holds the pods: no wait helps.
  if (reason === 'ContainerdMismatch') throw missing(deps);
  const patienceMs = Math.min(need.patienceMs, deps.containerdWaitMs);
  await patiently(
    patienceMs,
    signal,
    (until) => containerd.ready(until),
    () => missing(deps),
  );
}

function missing({ containerd }: WhenReadyDeps): EngineError {
  const { ready, message } = containerd.status();
  return new EngineError('unavailable', ready ? 'davitd is still finding its pods again; try again' : message);
}

/** Waits until the time is up or the signal aborts. */
async function patiently(
  milliseconds: number,
  signal: AbortSignal,
  wait: (until: AbortSignal) => Promise<unknown>,
  tooLong: () => EngineError,
): Promise<void> {
  if (milliseconds === Infinity) return void (await wait(signal));
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(tooLong()), milliseconds);
  try {
    await wait(AbortSignal.any([signal, timer.signal]));
  } catch (error) {
    if (timer.signal.aborted && !signal.aborted) throw timer.signal.reason;
    throw error;
  } finally {
    clearTimeout(timeout);
  }
}
