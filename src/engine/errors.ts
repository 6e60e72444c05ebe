/**
 * The engine's one error class. `kind` is a closed union that callers switch on; nobody decides on message text.
 * The façade maps kinds to gRPC codes (src/rpc/grpc-status.ts), containerd's codes are mapped to kinds in
 * src/engine/containerd/errors.ts, and nowhere else.
 */
export type ErrorKind =
  | 'invalid-argument' // the request is wrong; the message names the field's path
  | 'not-found'
  | 'already-exists'
  | 'failed-precondition' // the object is in a state that forbids this
  | 'unauthenticated' // a registry refused the credentials
  | 'permission-denied'
  | 'resource-exhausted'
  | 'unavailable' // containerd, the pump or a registry cannot be reached now; a retry may succeed
  | 'deadline-exceeded'
  | 'cancelled'
  | 'unimplemented'
  | 'data-loss' // a digest or a record does not match
  | 'internal'
  | 'unknown';

/** Reasons the kubelet matches as prefix of an Unknown error; see k8s.io/cri-api pkg/errors. */
export type KubeletReason =
  'RegistryUnavailable' | 'SignatureValidationFailed' | 'RROUnsupported' | 'ImageVolumeMountFailed';

export interface EngineErrorOptions {
  readonly cause?: unknown;
  readonly reason?: KubeletReason;
}

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: ErrorKind;
  readonly reason: KubeletReason | undefined;

  constructor(kind: ErrorKind, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.reason = options.reason;
  }
}

/** An InvalidArgument that names the field: `field` is its path in the request, e.g. `config.linux.sysctls["a.b"]`. */
export function invalidField(field: string, problem: string): EngineError {
  return new EngineError('invalid-argument', `${field}: ${problem}`);
}

/** The kind of any thrown value: an EngineError's own, `cancelled` for an AbortError, else `unknown`. */
export function kindOf(error: unknown): ErrorKind {
  if (error instanceof EngineError) return error.kind;
  if (error instanceof Error && error.name === 'AbortError') return 'cancelled';
  if (error instanceof Error && error.name === 'TimeoutError') return 'deadline-exceeded';
  return 'unknown';
}

export function isKind(error: unknown, kind: ErrorKind): boolean {
  return kindOf(error) === kind;
}

/** The message of any thrown value, for building a message around it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Adds what was being done to an error's message and keeps its kind and reason. */
export function withContext(error: unknown, doing: string): EngineError {
  const reason = error instanceof EngineError ? error.reason : undefined;
  return new EngineError(kindOf(error), `${doing}: ${messageOf(error)}`, {
    cause: error,
    ...(reason === undefined ? {} : { reason }),
  });
}
