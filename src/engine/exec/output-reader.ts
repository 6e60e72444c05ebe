import { Socket } from 'node:net';
import type { ExecOutput, OutputSink } from './exec-types.ts';
import { OutputStream } from './output-stream.ts';

/** An output that is being read. */
export interface OutputReader {
  /** There when the caller reads by itself. */
  readonly stream: OutputStream | undefined;
  /** Resolves at the end of the output, or when the reader was closed. */
  readonly ended: Promise<void>;
  /** It has been read to its end. */
  readonly isAtEnd: boolean;
  /** Closes the descriptor. */
  close(): void;
}

/**
 * Reads a FIFO that was opened without waiting. libuv polls it as it does sockets, so no thread of the pool is held, and
 * the time before the first writer is no end.
 *
 * `scratch` is what sinks are handed pieces of; every reader may be given the same, for a piece is used at once.
 */
export function readOutput(fd: number, output: ExecOutput, scratch: Buffer): OutputReader {
  const stream = output === 'stream' ? new OutputStream(fd) : undefined;
  const source = stream ?? sinking(fd, output === 'stream' || output === 'drop' ? ignore : output, scratch);
  source.on('error', ignore); // a reading that fails ends, and 'close' says so
  let isAtEnd = false;
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  source.once('end', () => {
    isAtEnd = true;
    resolve();
  });
  source.once('close', resolve);
  return {
    stream,
    ended,
    get isAtEnd() {
      return isAtEnd;
    },
    close: () => void source.destroy(),
  };
}

function sinking(fd: number, sink: OutputSink, scratch: Buffer): Socket {
  return new Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: scratch,
      callback: (bytes) => {
        sink(scratch.subarray(0, bytes));
        return true;
      },
    },
  });
}

function ignore(): void {}
