import { status } from '@grpc/grpc-js';
import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { EngineError, isKind } from '../engine/index.ts';
import { logCall } from './access-log.ts';
import type { CriLogger } from './access-log.ts';
import type { Calls } from './calls.ts';
import { codeName, toGrpcError } from './grpc-status.ts';
import type { Handler, OpenCall, Reply } from './handler.ts';
import { rpcName } from './handler.ts';

/** Where calls are counted and measured. */
export interface CallMetrics {
  callStarted(service: string, method: string): void;
  callEnded(result: {
    readonly service: string;
    readonly method: string;
    readonly code: string;
    readonly seconds: number;
  }): void;
}

export interface InterceptorDeps {
  /** Resolves once the engine answers more than its status. */
  readonly ready: (signal: AbortSignal) => Promise<void>;
  readonly calls: Calls;
  readonly log: CriLogger;
  readonly metrics: CallMetrics;
}

/** Timers may be this much early by the wall clock. */
const DEADLINE_SLACK_MS = 10;

/**
 * Wraps around every handler: ready gate, the caller's deadline and cancel as one AbortSignal, log line, metrics, and
 * errors as gRPC statuses.
 */
export function intercept(handler: Handler, deps: InterceptorDeps): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => void answer(handler, deps, call, callback);
}

async function answer(
  handler: Handler,
  deps: InterceptorDeps,
  call: ServerUnaryCall<Buffer, Buffer>,
  reply: sendUnaryData<Buffer>,
): Promise<void> {
  const started = performance.now();
  const service = handler.path.split('/')[1] ?? '';
  const method = rpcName(handler.path);
  const running = deps.calls.begin();
  const onCancelled = (): void => running.abort(cancelReason(call));
  call.once('cancelled', onCancelled);
  if (call.cancelled) onCancelled();
  deps.metrics.callStarted(service, method);
  const outcome = await serve(handler, deps, call.request, running.signal);
  // The event also comes after every answer.
  call.off('cancelled', onCancelled);
  running.end();
  const { code, details, request, error } = outcome;
  if (outcome.reply === undefined) reply({ code, details });
  else reply(null, outcome.reply.bytes);
  const durationMs = performance.now() - started;
  deps.metrics.callEnded({ service, method, code: codeName(code), seconds: durationMs / 1000 });
  logCall(deps.log, { handler, id: running.id, code, durationMs, request, reply: outcome.reply?.message, error });
}

interface Outcome {
  readonly code: status;
  readonly details: string;
  readonly request: object | undefined;
  readonly reply: Reply | undefined;
  readonly error: unknown;
}

/** Never rejects. */
async function serve(handler: Handler, deps: InterceptorDeps, bytes: Buffer, signal: AbortSignal): Promise<Outcome> {
  let open: OpenCall | undefined;
  try {
    open = handler.open(bytes);
    if (!handler.beforeReady) await deps.ready(signal);
    signal.throwIfAborted();
    const reply = await open.run(signal);
    return { code: status.OK, details: '', request: open.request, reply, error: undefined };
  } catch (caught) {
    // Whoever was aborted says "cancelled"; the signal knows whether it was a cancel, a deadline or the daemon's end.
    const error: unknown = signal.aborted && isKind(caught, 'cancelled') ? signal.reason : caught;
    return { ...toGrpcError(error), request: open?.request, reply: undefined, error };
  }
}

/** grpc-js answers a passed deadline by itself and tells it as a cancel. */
function cancelReason(call: ServerUnaryCall<Buffer, Buffer>): EngineError {
  const late = Date.now() + DEADLINE_SLACK_MS >= Number(call.getDeadline());
  return late
    ? new EngineError('deadline-exceeded', "the caller's deadline has passed")
    : new EngineError('cancelled', 'the caller has cancelled');
}
