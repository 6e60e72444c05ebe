import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

const NORMAL_CLOSURE = 1000;

/** The bytes of a WebSocket's messages as one stream each way; the messages' borders mean nothing. Read at need. */
export function webSocketTunnel(socket: WebSocket): Duplex {
  const tunnel = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      socket.send(chunk, (error) => done(error ?? null));
    },
    final: (done) => {
      socket.close(NORMAL_CLOSURE);
      done();
    },
    destroy: (error, done) => {
      socket.terminate();
      done(error);
    },
  });
  socket.on('message', (message) => {
    if (!tunnel.push(message)) socket.pause();
  });
  socket.on('error', (error) => tunnel.destroy(error));
  socket.on('close', () => tunnel.push(null));
  return tunnel;
}
