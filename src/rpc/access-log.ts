import { status } from '@grpc/grpc-js';
import { EngineError, kindOf, messageOf } from '../engine/index.ts';
import type { ErrorKind } from '../engine/index.ts';
import { codeName } from './grpc-status.ts';
import type { Handler } from './handler.ts';
import { rpcName } from './handler.ts';

/** The part of a logger that servers use; pino's fits. */
export interface RpcLogger {
  isLevelEnabled(level: string): boolean;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a call is about, for its log line: names and ids, never anything that could be a secret. */
export type CallSubject = Readonly<Record<string, string>>;

/** A call that ended. */
export interface CallRecord {
  readonly handler: Pick<Handler, 'path' | 'access'>;
  readonly id: number;
  readonly code: status;
  readonly durationMs: number;
  readonly subject: CallSubject;
  /** What the handler threw; undefined for a success. */
  readonly error: unknown;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

/** Errors that nobody asked for: a bug, or damage. */
const OURS: ReadonlySet<ErrorKind> = new Set(['internal', 'data-loss']);
/** Everyday answers to a read: the object went meanwhile, the caller went, the method is not built. */
const USUAL: ReadonlySet<ErrorKind> = new Set(['not-found', 'cancelled', 'unimplemented']);

/** One line for each call; successful reads at debug, for they are most of the traffic. */
export function logCall(log: RpcLogger, record: CallRecord): void {
  const level = levelOf(record);
  if (!log.isLevelEnabled(level)) return;
  const { handler, id, code, durationMs, subject, error } = record;
  const method = rpcName(handler.path);
  const fields = {
    call: id,
    method,
    ...subject,
    code: codeName(code),
    ms: Math.round(durationMs * 10) / 10,
    ...errorFields(level, error),
  };
  log[level](fields, method);
}

/** Where it is our fault the stack helps; elsewhere the message says it all. */
function errorFields(level: Level, error: unknown): object {
  if (error === undefined) return {};
  return level === 'error' ? { err: error } : { error: messageOf(error) };
}

function levelOf({ handler, code, error }: CallRecord): Level {
  if (code === status.OK) return handler.access === 'read' ? 'debug' : 'info';
  const kind = kindOf(error);
  if (OURS.has(kind) || (kind === 'unknown' && !wasSaid(error))) return 'error';
  return handler.access === 'read' && USUAL.has(kind) ? 'debug' : 'warn';
}

/**
 * Whether somebody meant to say it: we ourselves, or by a code the kernel, containerd, an OCI runtime behind it (of a
 * command that cannot be run, say). What has neither is an exception that nobody expected.
 */
function wasSaid(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.cause === undefined ? error instanceof EngineError || 'code' in error : wasSaid(error.cause);
}
