import { EngineError, messageOf } from '../engine/index.ts';
import { FIELDS } from './convert/fields.ts';
import type { FieldRules } from './convert/field-rule.ts';
import { compileRefusal } from './convert/refuse.ts';
import type { $Method } from './generated/cri.js';

/** One RPC that is built. The interceptor drives it; bytes in, bytes out. */
export interface Handler {
  /** `/runtime.v1.RuntimeService/Version`. */
  readonly path: string;
  /** A read changes nothing; its successes are logged at debug. */
  readonly access: 'read' | 'change';
  /** True when it is answered while the engine still restores. */
  readonly beforeReady: boolean;
  /** Decodes the request and refuses what is not carried out. Throws invalid-argument. */
  open(bytes: Buffer): OpenCall;
}

export interface OpenCall {
  readonly request: object;
  run(signal: AbortSignal): Promise<Reply>;
}

export interface Reply {
  readonly bytes: Buffer;
  /** Absent for replies that were put together from encoded pieces. */
  readonly message?: object;
}

export interface HandlerOptions {
  readonly beforeReady?: boolean;
}

/** Answers with a message, or with one that is encoded already. */
export type Run<Request, Response> = (
  request: Request,
  signal: AbortSignal,
) => Response | Buffer | Promise<Response | Buffer>;

type Unary<IReq, Req, IRes extends object, Res> = $Method<IReq, Req, IRes, Res, false, false>;

export function read<IReq, Req extends object, IRes extends object, Res>(
  method: Unary<IReq, Req, IRes, Res>,
  run: Run<Req, IRes>,
  options: HandlerOptions = {},
): Handler {
  return unary('read', method, run, options);
}

export function change<IReq, Req extends object, IRes extends object, Res>(
  method: Unary<IReq, Req, IRes, Res>,
  run: Run<Req, IRes>,
  options: HandlerOptions = {},
): Handler {
  return unary('change', method, run, options);
}

/** Stands where nothing is built: every call is refused, naming the method. */
export function unimplemented(path: string): Handler {
  return {
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

function unary<IReq, Req extends object, IRes extends object, Res>(
  access: Handler['access'],
  method: Unary<IReq, Req, IRes, Res>,
  run: Run<Req, IRes>,
  options: HandlerOptions,
): Handler {
  const refuse = compileRefusal(rulesOf(method.path));
  return {
    path: method.path,
    access,
    beforeReady: options.beforeReady ?? false,
    open: (bytes) => {
      const request = decode(method, bytes);
      refuse(request);
      return { request, run: async (signal) => toReply(method, await run(request, signal)) };
    },
  };
}

function rulesOf(path: string): FieldRules {
  const rules = new Map<string, FieldRules>(Object.entries(FIELDS)).get(rpcName(path));
  if (rules === undefined) throw new EngineError('internal', `${rpcName(path)} has no rules in convert/fields.ts`);
  return rules;
}

function decode<IReq, Req, IRes extends object, Res>(method: Unary<IReq, Req, IRes, Res>, bytes: Buffer): Req {
  try {
    return method.requestDeserialize(bytes);
  } catch (error) {
    const problem = `the request cannot be decoded: ${messageOf(error)}`;
    throw new EngineError('invalid-argument', problem, { cause: error });
  }
}

function toReply<IReq, Req, IRes extends object, Res>(
  method: Unary<IReq, Req, IRes, Res>,
  response: IRes | Buffer,
): Reply {
  if (Buffer.isBuffer(response)) return { bytes: response };
  return { bytes: method.responseSerialize(response), message: response };
}
