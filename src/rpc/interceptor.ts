import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import type { Metadata, sendUnaryData, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { EngineError, isKind } from '../engine/index.ts';
import type { Need } from '../engine/index.ts';
import { logCall } from './access-log.ts';
import type { CallSubject, RpcLogger } from './access-log.ts';
import type { Calls, RunningCall } from './calls.ts';
import { codeName, toGrpcError } from './grpc-status.ts';
import type { GrpcError } from './grpc-status.ts';
import type { Handler, Reply, StreamHandler, UnaryHandler } from './handler.ts';
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

/** A call that begins, for those who follow it. */
export interface CallFacts {
  readonly id: number;
  readonly service: string;
  readonly method: string;
  readonly subject: CallSubject;
  /** A value of the caller's metadata, such as its trace. */
  readonly header: (name: string) => string | undefined;
}

export interface InterceptorDeps {
  /** Resolves once the engine answers more than its status, and what else is needed is there. */
  readonly ready: (need: Need, signal: AbortSignal) => Promise<void>;
  readonly calls: Calls;
  readonly log: RpcLogger;
  readonly metrics: CallMetrics;
  /** What a call is about: names and ids, never anything that could be a secret. Must not throw. */
  readonly describe: (request: object | undefined, reply: object | undefined) => CallSubject;
  /** Runs a call's work: whoever logs or traces below knows the call by it. */
  readonly around: Around;
}

export type Around = <T>(call: CallFacts, run: () => Promise<T>) => Promise<T>;

/** What both kinds of calls have. */
type AnyCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** What an answer takes to the caller at least, and of the time that it has. */
const ANSWER_MS = 100;
const ANSWER_SHARE = 0.05;
/** Timers may be this much early by the wall clock. */
const DEADLINE_SLACK_MS = 10;

/**
 * Wraps around every handler: ready gate, the caller's deadline and cancel as one AbortSignal, log line, metrics, and
 * errors as gRPC statuses.
 */
export function interceptUnary(handler: UnaryHandler, deps: InterceptorDeps) {
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    void follow(handler, deps, call, {
      answer: async (open, signal) => {
        const reply = await open.run(signal);
        return { reply, end: () => callback(null, reply.bytes) };
      },
      fail: (failure) => callback(failure),
    });
  };
}

/** As interceptUnary(): messages go out as the caller takes them, and a failure comes after all of them. */
export function interceptStream(handler: StreamHandler, deps: InterceptorDeps) {
  return (call: ServerWritableStream<Buffer, Buffer>): void => {
    void follow(handler, deps, call, {
      answer: async (open, signal) => {
        for await (const bytes of open.run(signal)) {
          if (!call.write(bytes)) await once(call, 'drain', { signal });
          signal.throwIfAborted();
        }
        return { reply: undefined, end: () => call.end() };
      },
      fail: (failure) => call.emit('error', failure),
    });
  };
}

interface Answer {
  readonly reply: Reply | undefined;
  /** Sends it, or what is left of it. */
  readonly end: () => void;
}

interface Work<H extends Handler> {
  readonly answer: (open: ReturnType<H['open']>, signal: AbortSignal) => Promise<Answer>;
  readonly fail: (failure: GrpcError) => void;
}

/** Never rejects. */
async function follow<H extends Handler>(
  handler: H,
  deps: InterceptorDeps,
  call: AnyCall,
  work: Work<H>,
): Promise<void> {
  const started = performance.now();
  const service = handler.path.split('/')[1] ?? '';
  const method = rpcName(handler.path);
  const running = deps.calls.begin(handler.kind === 'stream' && handler.endless);
  const forget = abortWithCaller(call, running);
  deps.metrics.callStarted(service, method);
  const opened = openCall(handler, call.request);
  const request = 'call' in opened ? opened.call.request : undefined;
  const facts: CallFacts = {
    id: running.id,
    service,
    method,
    subject: deps.describe(request, undefined),
    header: (name) => headerOf(call.metadata, name),
  };
  let error: unknown;
  let answer: Answer | undefined;
  const body = async (): Promise<void> => {
    const need = { containerd: handler.needsContainerd ?? false, patienceMs: patienceOf(call) };
    answer = await serve(handler, deps, { opened, need }, running.signal, work);
  };
  await deps.around(facts, body).catch((thrown: unknown) => {
    error = thrown ?? new EngineError('internal', `${method} failed without a reason`);
  });
  forget();
  running.end();
  const failure = error === undefined ? undefined : toGrpcError(error);
  const code = failure?.code ?? status.OK;
  if (failure === undefined) answer?.end();
  else work.fail(failure);
  const durationMs = performance.now() - started;
  deps.metrics.callEnded({ service, method, code: codeName(code), seconds: durationMs / 1000 });
  const subject = { ...facts.subject, ...deps.describe(undefined, answer?.reply?.message) };
  logCall(deps.log, { handler, id: running.id, code, durationMs, subject, error });
}

type Opened<Call> = { readonly call: Call } | { readonly error: unknown };

function openCall<H extends Handler>(handler: H, bytes: Buffer): Opened<ReturnType<H['open']>> {
  try {
    return { call: handler.open(bytes) as ReturnType<H['open']> };
  } catch (error) {
    return { error };
  }
}

async function serve<H extends Handler>(
  handler: H,
  deps: InterceptorDeps,
  { opened, need }: { readonly opened: Opened<ReturnType<H['open']>>; readonly need: Need },
  signal: AbortSignal,
  work: Work<H>,
): Promise<Answer> {
  if ('error' in opened) throw opened.error;
  try {
    if (!handler.beforeReady) await deps.ready(need, signal);
    signal.throwIfAborted();
    return await work.answer(opened.call, signal);
  } catch (caught) {
    // Whoever was aborted says "cancelled"; the signal knows whether it was a cancel, a deadline or the daemon's end.
    throw signal.aborted && isKind(caught, 'cancelled') ? signal.reason : caught;
  }
}

/** Returns what takes the watch off again: the event also comes after every answer. */
function abortWithCaller(call: AnyCall, running: RunningCall): () => void {
  const onCancelled = (): void => running.abort(cancelReason(call));
  call.once('cancelled', onCancelled);
  if (call.cancelled) onCancelled();
  return () => call.off('cancelled', onCancelled);
}

/** A caller hears what is missing before its deadline has passed, or not at all: it is told a moment earlier. */
function patienceOf(call: AnyCall): number {
  const left = Number(call.getDeadline()) - Date.now();
  return left === Infinity ? left : Math.max(0, left - Math.max(ANSWER_MS, left * ANSWER_SHARE));
}

/** grpc-js answers a passed deadline by itself and tells it as a cancel. */
function cancelReason(call: AnyCall): EngineError {
  const late = Date.now() + DEADLINE_SLACK_MS >= Number(call.getDeadline());
  return late
    ? new EngineError('deadline-exceeded', "the caller's deadline has passed")
    : new EngineError('cancelled', 'the caller has cancelled');
}

function headerOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}
