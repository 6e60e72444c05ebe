import type { Around } from '../rpc/index.ts';
import type { CallContext } from '../telemetry/index.ts';

/** Every line that is logged on behalf of a call says which call, and what it is about. */
export function aroundCall(calls: CallContext): Around {
  return ({ id, method, subject }, run) => calls.run({ call: id, method, ...subject }, run);
}
