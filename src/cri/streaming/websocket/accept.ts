import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

/** Of one message, which is held whole. Clients cut their input at 32 KiB or so. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

const PROTOCOL_HEADER = 'sec-websocket-protocol';
/** Names of Kubernetes' protocols may hold a slash, which RFC 6455 does not allow and the parser refuses. */
const STAND_IN = 'chosen-protocol';

/** The protocols that a client offers, the best first; none when it names none. */
export function offeredProtocols(request: IncomingMessage): readonly string[] {
  const header = request.headers[PROTOCOL_HEADER] ?? '';
  return header
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
}

/**
 * Completes the handshake with the protocol that was chosen, which is one of those offered, or '' for none. The socket
 * is paused, for whoever serves it to resume it. Resolves with undefined when the request is no proper handshake: the
 * client is told so, and the socket ends.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket | undefined> {
  const { promise, resolve } = Promise.withResolvers<WebSocket | undefined>();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: () => STAND_IN,
  });
  if (protocol === '') delete request.headers[PROTOCOL_HEADER];
  else request.headers[PROTOCOL_HEADER] = STAND_IN;
  server.on('headers', (lines) => {
    for (const [at, line] of lines.entries()) lines[at] = line.replace(STAND_IN, protocol);
  });
  socket.once('close', () => resolve(undefined));
  server.handleUpgrade(request, socket, head, (accepted) => {
    // What came right behind the request must meet listeners, be it messages or nonsense.
    accepted.pause();
    accepted.on('error', () => undefined);
    resolve(accepted);
  });
  return promise;
}
