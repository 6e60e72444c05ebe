import { Metadata } from '@grpc/grpc-js';
import type { Client, ClientDuplexStream, ClientReadableStream, ClientUnaryCall } from '@grpc/grpc-js';
import type { $Method } from './generated/containerd.js';
import { abortError, describeRequest, translateError } from './errors.ts';
import type { CallContext } from './errors.ts';
import type { Instruments } from '../instruments.ts';

/** How to make one call. */
export interface CallOptions {
  /** Cancels the call. */
  readonly signal: AbortSignal;
  /** The call fails with deadline-exceeded after so many ms; absent: only the signal ends it. */
  readonly deadlineMs?: number;
  /** Id of the lease that what the call makes is added to. */
  readonly lease?: string;
}

/** Where calls go. */
export interface CallTarget {
  readonly address: string;
  readonly namespace: string;
  /** Resolves when calls may be made; rejects with the reason why they may not. Undefined: they may right now. */
  admission(signal: AbortSignal): Promise<void> | undefined;
  grpc(): Client;
  /** Measures and traces calls. Absent: nobody does. */
  readonly instruments?: Instruments;
}

/** A call that streams both ways. Disposing cancels it. */
export interface DuplexCall<In, Out> extends AsyncDisposable {
  /** Resolves when the message is handed on, which may wait for the other side to read. */
  send(message: In): Promise<void>;
  /** The next message; undefined when the other side has ended the call in order. */
  receive(): Promise<Out | undefined>;
  /** Says that nothing more will be sent. */
  end(): void;
}

type Unary<I, O> = $Method<I, unknown, never, O, false, false>;
type ServerStream<I, O> = $Method<I, unknown, never, O, false, true>;
type Duplex<I, O> = $Method<I, unknown, never, O, true, true>;

/** `/containerd.services.tasks.v1.Tasks/Create` → `Tasks.Create` */
export function callName(path: string): string {
  const [service = '', method = ''] = path.split('/').slice(-2);
  return `${service.slice(service.lastIndexOf('.') + 1)}.${method}`;
}

export async function callUnary<I extends object, O>(
  target: CallTarget,
  method: Unary<I, O>,
  request: I,
  options: CallOptions,
): Promise<O> {
  const context = contextOf(target, method.path, describeRequest(request));
  const call = (): Promise<O> => unary(target, method, request, options, context);
  const { instruments } = target;
  if (instruments === undefined) return await call();
  return await instruments.around({ kind: 'call', name: context.call, attributes: { object: context.object } }, call);
}

async function unary<I extends object, O>(
  target: CallTarget,
  method: Unary<I, O>,
  request: I,
  options: CallOptions,
  context: CallContext,
): Promise<O> {
  const { signal } = options;
  await admitted(target, context, signal);
  throwIfAborted(context, signal);
  return await new Promise<O>((resolve, reject) => {
    let call: ClientUnaryCall | undefined;
    const cancel = (): void => call?.cancel();
    call = target
      .grpc()
      .makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(target, options),
        deadlineOf(options),
        (error, value) => {
          signal.removeEventListener('abort', cancel);
          if (error !== null) reject(translateError(error, context, signal));
          else if (value !== undefined) resolve(value);
        },
      );
    signal.addEventListener('abort', cancel, { once: true });
  });
}

/** The call begins at once, before anyone iterates. Leaving the loop cancels it; iterate it, or abort its signal. */
export function callServerStream<I extends object, O>(
  target: CallTarget,
  method: ServerStream<I, O>,
  request: I,
  options: CallOptions,
): AsyncIterableIterator<O> {
  const context = contextOf(target, method.path, describeRequest(request));
  const opening = open();
  opening.catch(() => undefined); // whoever iterates gets the error
  const messages = iterate(opening, context, options.signal);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => messages.next(),
    return: async () => {
      // a generator that nobody has begun would not run its own clean-up
      await opening.then((call) => call.cancel()).catch(() => undefined);
      return await messages.return();
    },
  };

  async function open(): Promise<ClientReadableStream<O>> {
    await admitted(target, context, options.signal);
    throwIfAborted(context, options.signal);
    const { requestSerialize, responseDeserialize, path } = method;
    const metadata = metadataOf(target, options);
    return watched(
      target
        .grpc()
        .makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata, deadlineOf(options)),
      options.signal,
    );
  }
}

/** Opens a stream both ways. */
export async function callDuplex<I, O>(
  target: CallTarget,
  method: Duplex<I, O>,
  options: CallOptions,
): Promise<DuplexCall<I, O>> {
  const context = contextOf(target, method.path, '');
  const { signal } = options;
  await admitted(target, context, signal);
  throwIfAborted(context, signal);
  const call = watched(
    target
      .grpc()
      .makeBidiStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        metadataOf(target, options),
        deadlineOf(options),
      ),
    signal,
  );
  return wrapDuplex(call, context, signal);
}

async function* iterate<O>(
  opening: Promise<ClientReadableStream<O>>,
  context: CallContext,
  signal: AbortSignal,
): AsyncGenerator<O, void, undefined> {
  let call: ClientReadableStream<O> | undefined;
  try {
    call = await opening;
    for await (const message of call) yield message as O;
  } catch (error) {
    throw translateError(error, context, signal);
  } finally {
    call?.cancel();
  }
}

function wrapDuplex<I, O>(call: ClientDuplexStream<I, O>, context: CallContext, signal: AbortSignal): DuplexCall<I, O> {
  let failure: unknown;
  const ended = new Promise<void>((resolve) => {
    call.once('error', (error: unknown) => {
      failure = error;
      resolve();
    });
    call.once('end', resolve);
  });
  const messages: AsyncIterator<O> = call[Symbol.asyncIterator]();
  return {
    async send(message) {
      const written = new Promise<void>((resolve) => void call.write(message, () => resolve()));
      await Promise.race([written, ended]);
      if (failure !== undefined) throw translateError(failure, context, signal);
    },
    async receive() {
      try {
        const next = await messages.next();
        return next.done === true ? undefined : next.value;
      } catch (error) {
        throw translateError(error, context, signal);
      }
    },
    end: () => call.end(),
    [Symbol.asyncDispose]: () => {
      call.cancel();
      return Promise.resolve();
    },
  };
}

/** Ties a streaming call to the signal. A cancelled stream emits an error that nobody may be listening for any more. */
function watched<S extends { cancel(): void; on(event: 'error' | 'status', listener: () => void): unknown }>(
  call: S,
  signal: AbortSignal,
): S {
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  call.on('status', () => signal.removeEventListener('abort', cancel));
  call.on('error', () => undefined);
  return call;
}

/** Waits until calls may be made. Whoever awaits it looks at the signal again afterwards. */
async function admitted(target: CallTarget, context: CallContext, signal: AbortSignal): Promise<void> {
  throwIfAborted(context, signal);
  await target.admission(signal);
}

function throwIfAborted({ call, object }: CallContext, signal: AbortSignal): void {
  if (signal.aborted) throw abortError(object === '' ? call : `${call} ${object}`, signal);
}

function contextOf(target: CallTarget, path: string, object: string): CallContext {
  return { address: target.address, call: callName(path), object };
}

function metadataOf(target: CallTarget, options: CallOptions): Metadata {
  const metadata = new Metadata();
  metadata.set('containerd-namespace', target.namespace);
  for (const [name, value] of Object.entries(target.instruments?.headers() ?? {})) metadata.set(name, value);
  if (options.lease !== undefined) metadata.set('containerd-lease', options.lease);
  return metadata;
}

function deadlineOf(options: CallOptions): { deadline?: number } {
  return options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
}
