import { status } from '@grpc/grpc-js';
import type { MeasureKey } from './measures.ts';
import type { Samples } from './samples.ts';
import type { Side } from './side.ts';

/** A call that one side does not have leaves its measure out; any other failure is thrown on. */
export function leaveOutIfUnimplemented(samples: Samples, key: MeasureKey, side: Side, error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== status.UNIMPLEMENTED) throw error;
  samples.leaveOut(key, `${side.name} does not implement it`);
}
