/**
 * Where tests make steps fail. The shipped bundle defines DAVIT_FAULTS as false, and what is behind it is not in it.
 * A test registers `globalThis.davitFault`, which may throw, hang or end the process.
 */
declare const DAVIT_FAULTS: boolean;

export type FaultHook = (op: string, step: string, moment: 'before' | 'after', signal: AbortSignal) => Promise<void>;

declare global {
  var davitFault: FaultHook | undefined;
}

export async function faultPoint(
  op: string,
  step: string,
  moment: 'before' | 'after',
  signal: AbortSignal,
): Promise<void> {
  if (typeof DAVIT_FAULTS === 'undefined' || DAVIT_FAULTS) await globalThis.davitFault?.(op, step, moment, signal);
}
