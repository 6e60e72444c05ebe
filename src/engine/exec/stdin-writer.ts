import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { callbackify } from 'node:util';

/** What may wait for room in the FIFO, which holds as much: then it is filled by one call. */
const BUFFER_BYTES = 256 * 1024;

/**
 * The writing end of an exec's stdin. Its end first has the shim let go of its own writer (`closeStdin`) and then closes
 * ours, in that order: what was written is in the pipe, and the pipe lives while either is open.
 */
export function writeStdin(fd: number, closeStdin: () => Promise<void>): Writable {
  const socket = new Socket({ fd, readable: false, writable: true });
  const writable = new Writable({
    highWaterMark: BUFFER_BYTES,
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, done),
    writev: (pieces, done) => {
      socket.cork();
      for (const [at, { chunk }] of pieces.entries()) {
        if (at < pieces.length - 1) socket.write(chunk as Buffer);
        else socket.write(chunk as Buffer, done);
      }
      socket.uncork();
    },
    final: callbackify(async () => {
      await closeStdin();
      socket.destroy();
    }),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('error', (error) => writable.destroy(error));
  writable.on('error', () => undefined); // whoever writes learns it from the write, or from 'close'
  return writable;
}
