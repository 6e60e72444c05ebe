import type { Readable, Writable } from 'node:stream';

/** A client's end of exec or attach, whatever carries it. Streams are there when they were asked for. */
export interface CommandSession {
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  /** Sizes of the terminal, as JSON. */
  readonly resize?: Readable;
  /** How it ended: JSON, or from clients of old a text and only for failures. */
  readonly error: Writable;
  readonly statusFormat: 'json' | 'text';
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  /** Ends what is still open, sends all of it, and hangs up. `hurry` cuts that short. Idempotent. */
  close(hurry?: AbortSignal): Promise<void>;
}
