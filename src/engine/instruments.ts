import type { StringMap } from './types/index.ts';

/**
 * A piece of the engine's work: an action is what callers ask for, a CNI verb, or the restore; a step is a part of one;
 * a call is one to containerd.
 */
export interface Work {
  readonly kind: 'action' | 'step' | 'call';
  /** `run-sandbox`, `run-sandbox/attach-network`, `Tasks.Create`. */
  readonly name: string;
  readonly attributes: StringMap;
}

/** Whoever measures or traces the engine's work. */
export interface Instruments {
  /** Runs the work, as it is. */
  around<T>(work: Work, run: () => Promise<T>): Promise<T>;
  /** Metadata for calls made now, such as the trace that they belong to. */
  headers(): StringMap;
}

/** Measures nothing. */
export const NO_INSTRUMENTS: Instruments = Object.freeze({
  around: <T>(_work: Work, run: () => Promise<T>) => run(),
  headers: () => NO_HEADERS,
});

const NO_HEADERS: StringMap = Object.freeze({});
