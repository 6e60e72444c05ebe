import { EngineError } from '../engine/index.ts';
import { stream, unary } from '../rpc/index.ts';
import type { Handler } from '../rpc/index.ts';
import { Health, HealthCheckResponse } from './generated/health.js';
import type { IHealthCheckResponse } from './generated/health.js';

const { ServingStatus } = HealthCheckResponse;

/** Whether davitd answers: all of its services do, or none. */
export interface HealthSource {
  readonly isServing: boolean;
  /** What it is now, and each change from now on; ends with the signal's reason. */
  watch(signal: AbortSignal): AsyncIterable<boolean>;
}

/** The server as a whole, and what it serves on its sockets. */
const SERVICES = ['', 'runtime.v1.RuntimeService', 'runtime.v1.ImageService', 'davit.admin.v1.Admin'];

export function healthHandlers(health: HealthSource): readonly Handler[] {
  const options = { access: 'read', beforeReady: true, check: () => undefined } as const;
  return [
    unary(
      Health.check,
      ({ service }) => {
        if (!SERVICES.includes(service)) throw new EngineError('not-found', `there is no service "${service}"`);
        return response(health.isServing);
      },
      options,
    ),
    unary(
      Health.list,
      () => ({ statuses: Object.fromEntries(SERVICES.map((service) => [service, response(health.isServing)])) }),
      options,
    ),
    stream(
      Health.watch,
      async function* ({ service }, signal) {
        if (SERVICES.includes(service)) {
          for await (const isServing of health.watch(signal)) yield response(isServing);
          return;
        }
        yield { status: ServingStatus.SERVICE_UNKNOWN };
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
      },
      { ...options, endless: true },
    ),
  ];
}

function response(isServing: boolean): IHealthCheckResponse {
  return { status: isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING };
}
