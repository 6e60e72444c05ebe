/** The command was typed wrongly; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** davitd, or the way to it, said no: `code` is gRPC's name, e.g. NOT_FOUND. Exit code 1. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The output has said all there is to say; nothing comes on stderr, and `code` is the exit code. */
export class Ended extends Error {
  override readonly name = 'Ended';
  readonly code: number;

  constructor(code: number) {
    super(`ended with ${code}`);
    this.code = code;
  }
}
