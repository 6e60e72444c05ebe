import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { callbackify } from 'node:util';

/**
 * The writing end of an exec's stdin. Its end first has the shim let go of its own writer (`closeStdin`) and then closes
 * ours, in that order: what was written is in the pipe, and the pipe lives while either is open.
 */
export function writeStdin(fd: number, closeStdin: () => Promise<void>): Writable {
  const socket = new Socket({ fd, readable: false, writable: true });
  const writable = new Writable({
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, done),
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
