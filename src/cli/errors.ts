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

/** What was looked at is not as it should be, and the output has said so. Exit code 1, without a line on stderr. */
export class Unsound extends Error {
  override readonly name = 'Unsound';
}
