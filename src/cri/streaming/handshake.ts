import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** A request that wants to go on as something else than HTTP. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client has sent already after its request. */
  readonly head: Buffer;
}

/** The way a client wants to be spoken to. */
export type Carrier = 'spdy' | 'websocket';

const SPDY = 'SPDY/3.1';
const VERSION_HEADER = 'x-stream-protocol-version';
const ACCEPTED_HEADER = 'X-Accepted-Stream-Protocol-Versions';

/** Undefined when the client asks for something that is not spoken here. */
export function carrierOf({ headers }: IncomingMessage): Carrier | undefined {
  const upgrade = (headers.upgrade ?? '').toLowerCase();
  if (upgrade.includes('websocket')) return 'websocket';
  return upgrade.includes(SPDY.toLowerCase()) ? 'spdy' : undefined;
}

/** The versions that a SPDY client offers, the best first; none from clients that are older than versions. */
export function offeredVersions({ headers }: IncomingMessage): readonly string[] {
  const offered = headers[VERSION_HEADER] ?? [];
  return [offered]
    .flat()
    .flatMap((line) => line.split(','))
    .map((version) => version.trim())
    .filter((version) => version !== '');
}

/** The first that is offered and known; `fallback` where none is offered. */
export function negotiate(
  offered: readonly string[],
  known: readonly string[],
  fallback: string | undefined,
): string | undefined {
  return offered.length === 0 ? fallback : offered.find((version) => known.includes(version));
}

/** From here on the socket carries SPDY. */
export function switchToSpdy({ socket, head }: Upgrade, version: string): void {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', `Upgrade: ${SPDY}`];
  socket.write(`${[...lines, `X-Stream-Protocol-Version: ${version}`].join('\r\n')}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
}

/** Answers with an error and hangs up. */
export function refuse(socket: Duplex, status: number, message: string, extra: readonly string[] = []): void {
  const body = `${message}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...extra,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** None of the versions that the client offers is known. */
export function refuseVersions(socket: Duplex, offered: readonly string[], known: readonly string[]): void {
  const message = `none of the offered protocols is known: ${offered.join(', ')}; known are ${known.join(', ')}`;
  refuse(
    socket,
    403,
    message.replaceAll(/[^\x20-\x7e]/g, '?'),
    known.map((version) => `${ACCEPTED_HEADER}: ${version}`),
  );
}
