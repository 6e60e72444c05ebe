import { AsyncLocalStorage } from 'node:async_hooks';

/** What is known of the call under way, wherever its work goes: across awaits, timers and the jobs that it starts. */
export interface CallContext {
  run<T>(fields: object, work: () => T): T;
  /** Of the call that the caller works for; none outside of calls. */
  readonly fields: () => object;
}

export function createCallContext(): CallContext {
  const storage = new AsyncLocalStorage<object>();
  return {
    run: (fields, work) => storage.run(fields, work),
    fields: () => storage.getStore() ?? NONE,
  };
}

const NONE = Object.freeze({});
