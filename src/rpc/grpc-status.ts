import { status } from '@grpc/grpc-js';
import { EngineError, kindOf, messageOf } from '../engine/index.ts';
import type { ErrorKind } from '../engine/index.ts';

/** What a caller gets instead of an answer. */
export interface GrpcError {
  readonly code: status;
  readonly details: string;
}

/** The one place where an engine's error becomes a gRPC code. */
const CODES = {
  'invalid-argument': status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'failed-precondition': status.FAILED_PRECONDITION,
  unauthenticated: status.UNAUTHENTICATED,
  'permission-denied': status.PERMISSION_DENIED,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  'deadline-exceeded': status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  unimplemented: status.UNIMPLEMENTED,
  'data-loss': status.DATA_LOSS,
  internal: status.INTERNAL,
  unknown: status.UNKNOWN,
} as const satisfies Record<ErrorKind, status>;

/** A status message travels in a header; clients refuse headers that are too long. */
const MAX_DETAILS = 8 * 1024;

/**
 * A reason forces Unknown and leads the message: the kubelet looks for it as prefix of an Unknown error
 * (k8s.io/cri-api pkg/errors).
 */
export function toGrpcError(error: unknown): GrpcError {
  const message = messageOf(error);
  const reason = error instanceof EngineError ? error.reason : undefined;
  if (reason === undefined) return { code: CODES[kindOf(error)], details: toDetails(message) };
  const details = message.startsWith(reason) ? message : `${reason}: ${message}`;
  return { code: status.UNKNOWN, details: toDetails(details) };
}

/** The code as logs and metrics name it, e.g. NOT_FOUND. */
export function codeName(code: status): string {
  return status[code] ?? String(code);
}

/** grpc-js percent-encodes the message and throws at half a surrogate pair, which a registry's JSON may well hold. */
function toDetails(message: string): string {
  const whole = message.toWellFormed();
  return whole.length > MAX_DETAILS ? `${whole.slice(0, MAX_DETAILS).toWellFormed()}…` : whole;
}
