import { EngineError, messageOf } from '../engine/index.ts';

/** One RPC that is built. The interceptor drives it; bytes in, bytes out. */
export type Handler = UnaryHandler | StreamHandler;

export interface HandlerFacts {
  /** `/runtime.v1.RuntimeService/Version`. */
  readonly path: string;
  /** A read changes nothing; its successes are logged at debug. */
  readonly access: 'read' | 'change';
  /** True when it is answered while the engine still restores. */
  readonly beforeReady: boolean;
  /** True when nothing of it can be done while containerd is away. */
  readonly needsContainerd?: boolean;
}

export interface UnaryHandler extends HandlerFacts {
  readonly kind: 'unary';
  /** Decodes the request and refuses what is not carried out. Throws invalid-argument. */
  open(bytes: Buffer): OpenCall<Promise<Reply>>;
}

/** Answers with any number of messages. */
export interface StreamHandler extends HandlerFacts {
  readonly kind: 'stream';
  /** It goes on until the caller leaves: a server that stops does not wait for it. */
  readonly endless: boolean;
  open(bytes: Buffer): OpenCall<AsyncIterable<Buffer>>;
}

export interface OpenCall<Result> {
  readonly request: object;
  run(signal: AbortSignal): Result;
}

export interface Reply {
  readonly bytes: Buffer;
  /** Absent for replies that were put together from encoded pieces. */
  readonly message?: object;
}

/** A method as the generated code describes it. */
export interface Method<Req, IRes, ReqStream extends boolean, ResStream extends boolean> {
  readonly path: string;
  readonly requestStream: ReqStream;
  readonly responseStream: ResStream;
  readonly requestDeserialize: (bytes: Buffer) => Req;
  readonly responseSerialize: (value: IRes) => Buffer;
}

/** Throws invalid-argument for a request that asks for what is not carried out. */
export type Check = (request: object) => void;

export interface MethodOptions {
  readonly access: HandlerFacts['access'];
  readonly beforeReady: boolean;
  readonly needsContainerd?: boolean;
  readonly check: Check;
}

/** Answers with a message, or with one that is encoded already. */
export type Run<Req, IRes> = (request: Req, signal: AbortSignal) => IRes | Buffer | Promise<IRes | Buffer>;

/** As Run, with many; nothing runs before the first is asked for. */
export type RunStream<Req, IRes> = (request: Req, signal: AbortSignal) => AsyncIterable<IRes | Buffer>;

export function unary<Req extends object, IRes extends object>(
  method: Method<Req, IRes, false, false>,
  run: Run<Req, IRes>,
  { check, ...facts }: MethodOptions,
): UnaryHandler {
  return {
    kind: 'unary',
    path: method.path,
    ...facts,
    open: (bytes) => {
      const request = decode(method, bytes);
      check(request);
      return {
        request,
        run: async (signal) => {
          const response = await run(request, signal);
          if (Buffer.isBuffer(response)) return { bytes: response };
          return { bytes: method.responseSerialize(response), message: response };
        },
      };
    },
  };
}

export function stream<Req extends object, IRes extends object>(
  method: Method<Req, IRes, false, true>,
  run: RunStream<Req, IRes>,
  { check, ...facts }: MethodOptions & { readonly endless: boolean },
): StreamHandler {
  return {
    kind: 'stream',
    path: method.path,
    ...facts,
    open: (bytes) => {
      const request = decode(method, bytes);
      check(request);
      return { request, run: (signal) => encoded(method, run(request, signal)) };
    },
  };
}

/** Stands where nothing is built: every call is refused, naming the method. */
export function unimplemented(path: string): UnaryHandler {
  return {
    kind: 'unary',
    path,
    access: 'read',
    beforeReady: true,
    open: () => {
      throw new EngineError('unimplemented', `${rpcName(path)} is not implemented by davit`);
    },
  };
}

/** `Version` of `/runtime.v1.RuntimeService/Version`. */
export function rpcName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function decode<Req>(method: { readonly requestDeserialize: (bytes: Buffer) => Req }, bytes: Buffer): Req {
  try {
    return method.requestDeserialize(bytes);
  } catch (error) {
    const problem = `the request cannot be decoded: ${messageOf(error)}`;
    throw new EngineError('invalid-argument', problem, { cause: error });
  }
}

async function* encoded<IRes extends object>(
  method: { readonly responseSerialize: (value: IRes) => Buffer },
  responses: AsyncIterable<IRes | Buffer>,
): AsyncIterable<Buffer> {
  for await (const response of responses) {
    yield Buffer.isBuffer(response) ? response : method.responseSerialize(response);
  }
}
