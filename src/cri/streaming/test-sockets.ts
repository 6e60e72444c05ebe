import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface SocketPair extends AsyncDisposable {
  readonly server: Socket;
  readonly client: Socket;
}

/** Both ends of a TCP connection, as an HTTP server's would be. */
export async function socketPair(): Promise<SocketPair> {
  const listener = createServer({ allowHalfOpen: true, noDelay: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  const [[server]] = (await Promise.all([once(listener, 'connection'), once(client, 'connect')])) as [[Socket], []];
  for (const socket of [server, client]) socket.on('error', () => undefined);
  return {
    server,
    client,
    [Symbol.asyncDispose]: async () => {
      server.destroy();
      client.destroy();
      const closed = once(listener, 'close');
      listener.close();
      await closed;
    },
  };
}
