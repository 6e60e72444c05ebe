import { EngineError, messageOf } from './errors.ts';

/** Something that runs. Both calls are idempotent; `close` must work after a failed `start`. */
export interface Service {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Starts in array order; when one fails, those before it are closed in reverse and the error is thrown. */
export async function startAll(services: readonly Service[], signal: AbortSignal): Promise<void> {
  const started: Service[] = [];
  for (const service of services) {
    try {
      signal.throwIfAborted();
      started.push(service);
      await service.start(signal);
    } catch (error) {
      await closeAll(started).catch(() => undefined); // the start's error is the one to act on
      throw new EngineError('unavailable', `start of ${service.name}: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Closes in reverse order, all of them; then throws what failed. */
export async function closeAll(services: readonly Service[]): Promise<void> {
  const failures: string[] = [];
  for (const service of [...services].reverse()) {
    try {
      await service.close();
    } catch (error) {
      failures.push(`${service.name}: ${messageOf(error)}`);
    }
  }
  if (failures.length > 0) throw new EngineError('internal', `close of ${failures.join('; ')}`);
}
