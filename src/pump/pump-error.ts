import type { PumpErrorKind } from '../sys/pump-protocol.ts';

/** An error that a client gets as it is; every other one is `internal`. */
export class PumpError extends Error {
  override readonly name = 'PumpError';
  readonly kind: PumpErrorKind;

  constructor(kind: PumpErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
