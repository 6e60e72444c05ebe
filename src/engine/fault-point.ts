import { faultOfFile } from './fault-file.ts';
import type { StepBody } from './op.ts';

/**
 * Where tests make steps fail. The shipped bundle defines DAVIT_FAULTS as false, and what is behind it is not in it.
 * A unit test registers `globalThis.davitFault`, which may throw, hang or end the process; a davitd of its own is told by
 * a file (fault-file.ts).
 */
declare const DAVIT_FAULTS: boolean;

export type FaultHook = (op: string, step: string, moment: 'before' | 'after', signal: AbortSignal) => Promise<void>;

declare global {
  var davitFault: FaultHook | undefined;
}

/** The step, with the faults that a test has for it: within its deadline, which a test may shorten. */
export function withFaults<T>(op: string, step: string, body: StepBody<T>): StepBody<T> {
  if (typeof DAVIT_FAULTS === 'undefined' || DAVIT_FAULTS) {
    const { hook, deadlineMs = body.deadlineMs } = faultOfFile(op, step);
    const at = async (moment: 'before' | 'after', signal: AbortSignal): Promise<void> => {
      await globalThis.davitFault?.(op, step, moment, signal);
      await hook?.(moment);
    };
    return {
      ...body,
      deadlineMs,
      do: async (signal) => {
        await at('before', signal);
        const result = await body.do(signal);
        await at('after', signal);
        return result;
      },
    };
  }
  return body;
}
