import { status } from '@grpc/grpc-js';
import { EngineError, kindOf } from '../errors.ts';
import type { ErrorKind } from '../errors.ts';

/** What was asked of containerd, for messages. */
export interface CallContext {
  /** Path of containerd's socket. */
  readonly address: string;
  /** Service and method, e.g. `Tasks.Create`. */
  readonly call: string;
  /** The object that the request names; '' when it names none. */
  readonly object: string;
}

/**
 * Turns what a call threw into an EngineError. This is the only reader of containerd's gRPC codes.
 * An OCI runtime's refusal comes as UNKNOWN with the runtime's own text, which is kept.
 */
export function translateError(error: unknown, context: CallContext, signal: AbortSignal): EngineError {
  if (error instanceof EngineError) return error;
  const what = context.object === '' ? context.call : `${context.call} ${context.object}`;
  if (signal.aborted) return abortError(what, signal, error);
  if (!isServiceError(error))
    return new EngineError('internal', `containerd ${what}: ${String(error)}`, { cause: error });
  const kind = KINDS[error.code];
  if (kind === 'unavailable') {
    const message = `containerd at ${context.address} cannot do ${what} now: ${error.details}; check that it runs`;
    return new EngineError(kind, message, { cause: error });
  }
  return new EngineError(kind, `containerd ${what}: ${error.details}`, { cause: error });
}

/** The error of a call whose caller gave up: cancelled, or what the signal's reason says. */
export function abortError(what: string, signal: AbortSignal, cause: unknown = signal.reason): EngineError {
  const kind = kindOf(signal.reason);
  const why = kind === 'deadline-exceeded' ? 'took too long' : 'was cancelled';
  return new EngineError(kind === 'unknown' ? 'cancelled' : kind, `containerd ${what} ${why}`, { cause });
}

/** Names the object of a request: the first of the fields by which containerd's requests name one. */
export function describeRequest(request: object): string {
  const fields = new Map<string, unknown>(Object.entries(request));
  const own = OBJECT_FIELDS.map((name) => fields.get(name)).find(isName);
  const exec = fields.get('execId');
  if (own !== undefined && isName(exec)) return exec.startsWith(own) ? exec : `${own}/${exec}`;
  if (own !== undefined) return own;
  for (const name of NESTED_FIELDS) {
    const nested = fields.get(name);
    if (typeof nested === 'object' && nested !== null) return describeRequest(nested);
  }
  return '';
}

/** In the order of what says most; a snapshot request has both key and name. */
const OBJECT_FIELDS = ['containerId', 'sandboxId', 'id', 'key', 'name', 'ref', 'digest', 'topic'];
const NESTED_FIELDS = ['container', 'image', 'namespace', 'info', 'diff'];

const KINDS: Readonly<Record<status, ErrorKind>> = {
  [status.OK]: 'internal', // an error with the code OK is a contradiction
  [status.CANCELLED]: 'cancelled',
  [status.UNKNOWN]: 'unknown',
  [status.INVALID_ARGUMENT]: 'invalid-argument',
  [status.DEADLINE_EXCEEDED]: 'deadline-exceeded',
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'already-exists',
  [status.PERMISSION_DENIED]: 'permission-denied',
  [status.RESOURCE_EXHAUSTED]: 'resource-exhausted',
  [status.FAILED_PRECONDITION]: 'failed-precondition',
  [status.ABORTED]: 'failed-precondition',
  [status.OUT_OF_RANGE]: 'failed-precondition',
  [status.UNIMPLEMENTED]: 'unimplemented',
  [status.INTERNAL]: 'internal',
  [status.UNAVAILABLE]: 'unavailable',
  [status.DATA_LOSS]: 'data-loss',
  [status.UNAUTHENTICATED]: 'unauthenticated',
};

interface CodeAndDetails {
  readonly code: status;
  readonly details: string;
}

function isServiceError(error: unknown): error is Error & CodeAndDetails {
  if (!(error instanceof Error) || !('code' in error) || !('details' in error)) return false;
  return typeof error.code === 'number' && error.code in KINDS && typeof error.details === 'string';
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
