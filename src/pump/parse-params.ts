import { isAbsolute, normalize } from 'node:path';
import {
  MAX_LINE_BYTES,
  MIN_LINE_BYTES,
  PIPE_BYTES,
  type AddParams,
  type AttachParams,
  type IdParams,
  type OpName,
  type Ops,
  type RemoveParams,
  type Request,
} from '../sys/pump-protocol.ts';
import { PumpError } from './pump-error.ts';

type Fields = Readonly<Record<string, unknown>>;

/** An id is a folder's name. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const PAGE_BYTES = 4096;

const PARSERS: { readonly [Name in OpName]: (fields: Fields) => Ops[Name]['params'] } = {
  hello: (fields) => ({ protocol: integer(fields, 'protocol', 1, Number.MAX_SAFE_INTEGER) }),
  add: parseAdd,
  list: () => ({}),
  finish: parseId,
  reopen: parseId,
  remove: parseRemove,
  attach: parseAttach,
  status: () => ({}),
};

/** The request's id, also when the rest of it is not understood: a reply needs it. */
export function requestId(message: unknown): number | undefined {
  const id = isFields(message) ? message['id'] : undefined;
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : undefined;
}

/** Throws invalid-argument naming the field, or unimplemented for an op that this pump does not know. */
export function parseRequest(message: unknown): Request {
  if (!isFields(message)) throw new PumpError('invalid-argument', 'a request must be a JSON object');
  const id = integer(message, 'id', 0, Number.MAX_SAFE_INTEGER);
  const op = message['op'];
  if (typeof op !== 'string' || !isOp(op)) throw new PumpError('unimplemented', `unknown op ${JSON.stringify(op)}`);
  const params = message['params'] ?? {};
  if (!isFields(params)) throw new PumpError('invalid-argument', 'params: must be a JSON object');
  return { id, op, params: PARSERS[op](params) };
}

/** The parameters of `add`, from a request or from a record. Throws invalid-argument naming the field. */
export function parseAddParams(value: unknown): AddParams {
  if (!isFields(value)) throw new PumpError('invalid-argument', 'params: must be a JSON object');
  return parseAdd(value);
}

function parseAdd(fields: Fields): AddParams {
  const optional = { stdin: path(fields, 'stdin'), stderr: path(fields, 'stderr'), log: path(fields, 'log') };
  const stdout = path(fields, 'stdout');
  if (stdout === undefined) throw new PumpError('invalid-argument', 'params.stdout: missing');
  return {
    ...parseId(fields),
    stdout,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    tty: flag(fields, 'tty'),
    stdinOnce: flag(fields, 'stdinOnce'),
    maxLine: integer(fields, 'maxLine', MIN_LINE_BYTES, MAX_LINE_BYTES),
    pipeBytes: integer(fields, 'pipeBytes', PAGE_BYTES, PIPE_BYTES),
  };
}

function parseId(fields: Fields): IdParams {
  const id = fields['id'];
  if (typeof id === 'string' && ID.test(id)) return { id };
  throw new PumpError('invalid-argument', `params.id: not a container id: ${JSON.stringify(id)}`);
}

function parseRemove(fields: Fields): RemoveParams {
  return { ...parseId(fields), force: flag(fields, 'force') };
}

function parseAttach(fields: Fields): AttachParams {
  const streams = { stdin: flag(fields, 'stdin'), stdout: flag(fields, 'stdout'), stderr: flag(fields, 'stderr') };
  if (streams.stdin || streams.stdout || streams.stderr) return { ...parseId(fields), ...streams };
  throw new PumpError('invalid-argument', 'params: one of stdin, stdout and stderr must be true');
}

function path(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && isAbsolute(value) && !value.includes('\0') && normalize(value) === value) {
    return value;
  }
  throw new PumpError('invalid-argument', `params.${name}: not a clean absolute path: ${JSON.stringify(value)}`);
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new PumpError('invalid-argument', `params.${name}: not a boolean`);
}

function integer(fields: Fields, name: string, min: number, max: number): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new PumpError('invalid-argument', `${name}: not a whole number of ${min} to ${max}`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOp(name: string): name is OpName {
  return Object.hasOwn(PARSERS, name);
}
