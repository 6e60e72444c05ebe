import { EngineError } from '../engine/index.ts';
import { rpcName, stream, unary } from '../rpc/index.ts';
import type { Check, Handler, Method, Run, RunStream } from '../rpc/index.ts';
import { FIELDS } from './convert/fields.ts';
import type { FieldRules } from './convert/field-rule.ts';
import { compileRefusal } from './convert/refuse.ts';

export interface HandlerOptions {
  readonly beforeReady?: boolean;
  /** Nothing of it can be done while containerd is away. */
  readonly needsContainerd?: boolean;
}

/** For what cannot begin before containerd is there. */
export const NEEDS_CONTAINERD: HandlerOptions = { needsContainerd: true };

export interface WatchOptions {
  /** It goes on until the caller leaves. */
  readonly endless?: boolean;
}

export function read<Req extends object, IRes extends object>(
  method: Method<Req, IRes, false, false>,
  run: Run<Req, IRes>,
  { beforeReady = false, needsContainerd = false }: HandlerOptions = {},
): Handler {
  return unary(method, run, { access: 'read', beforeReady, needsContainerd, check: refusalOf(method.path) });
}

export function change<Req extends object, IRes extends object>(
  method: Method<Req, IRes, false, false>,
  run: Run<Req, IRes>,
  { beforeReady = false, needsContainerd = false }: HandlerOptions = {},
): Handler {
  return unary(method, run, { access: 'change', beforeReady, needsContainerd, check: refusalOf(method.path) });
}

/** A read that answers with a stream of messages. */
export function readStream<Req extends object, IRes extends object>(
  method: Method<Req, IRes, false, true>,
  run: RunStream<Req, IRes>,
  { endless = false }: WatchOptions = {},
): Handler {
  return stream(method, run, { access: 'read', beforeReady: false, endless, check: refusalOf(method.path) });
}

function refusalOf(path: string): Check {
  const rules = new Map<string, FieldRules>(Object.entries(FIELDS)).get(rpcName(path));
  if (rules === undefined) throw new EngineError('internal', `${rpcName(path)} has no rules in convert/fields.ts`);
  return compileRefusal(rules);
}
