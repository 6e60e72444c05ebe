import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ConnectionOptions } from 'node:tls';
import { WebSocket } from 'ws';
import { FakeTargets } from './fake.ts';
import { createStreamingServer } from './server.ts';
import type { StreamingServer, StreamingServerDeps } from './server.ts';
import type { StreamingSettings } from './settings.ts';
import { TestSpdyClient } from './spdy/test-client.ts';
import type { ExecRequest } from './targets.ts';

/** A line of the log. */
export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Harness extends AsyncDisposable {
  readonly server: StreamingServer;
  readonly targets: FakeTargets;
  readonly lines: Line[];
}

/** A server that listens, on targets that do what the test says. */
export async function harness(
  settings: Partial<StreamingSettings> = {},
  deps: Partial<StreamingServerDeps> = {},
): Promise<Harness> {
  const targets = new FakeTargets();
  const lines: Line[] = [];
  const log = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: { ...fields } });
  const server = createStreamingServer({
    settings: { ...SETTINGS, ...settings },
    targets,
    logger: { debug: log('debug'), info: log('info'), warn: log('warn') },
    drainMs: 0,
    ...deps,
  });
  await server.listen();
  return { server, targets, lines, [Symbol.asyncDispose]: () => server.close(AbortSignal.abort()) };
}

const SETTINGS: StreamingSettings = {
  address: '127.0.0.1',
  port: 0,
  idleTimeoutMs: 60_000,
  creationTimeoutMs: 10_000,
  tlsMinVersion: '1.2',
};

export function anExec(change: Partial<ExecRequest> = {}): ExecRequest {
  return { containerId: 'c1', cmd: ['sh'], tty: false, stdin: true, stdout: true, stderr: true, ...change };
}

/** What a request was answered with, when it was not upgraded. */
export interface Refusal {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Upgraded {
  readonly headers: IncomingMessage['headers'];
  readonly socket: Duplex;
}

/** Asks for an upgrade. */
export async function upgrade(
  url: string,
  headers: Readonly<Record<string, string>>,
  tls: ConnectionOptions = {},
): Promise<Upgraded | Refusal> {
  const { promise, resolve, reject } = Promise.withResolvers<Upgraded | Refusal>();
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  const request = send(url, {
    method: headers['Upgrade'] === 'websocket' ? 'GET' : 'POST',
    headers: { Connection: 'Upgrade', ...headers },
    agent: false,
    ...tls,
  });
  request.on('upgrade', (response, socket, head) => {
    if (head.length > 0) socket.unshift(head);
    socket.on('error', () => undefined);
    resolve({ headers: response.headers, socket });
  });
  request.on('response', (response) => {
    text(response).then(
      (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      reject,
    );
  });
  request.on('error', reject);
  request.end();
  return promise;
}

/** A SPDY client on an upgraded connection. */
export async function spdyClient(url: string, version = 'v4.channel.k8s.io', tls: ConnectionOptions = {}) {
  const upgraded = await upgrade(url, { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': version }, tls);
  if (!('socket' in upgraded)) throw new Error(`not upgraded: ${upgraded.status} ${upgraded.body}`);
  return new TestSpdyClient(upgraded.socket);
}

/** A SPDY client that has opened streams of these types, one by one as real ones do. */
export async function spdyCommand(url: string, types: readonly string[], version = 'v4.channel.k8s.io') {
  const client = await spdyClient(url, version);
  const ids: Record<string, number> = {};
  for (const streamtype of types) {
    const id = await client.open({ streamtype });
    await client.until(() => client.stream(id).isReplied);
    ids[streamtype] = id;
  }
  return { client, id: (type: string) => ids[type] ?? 0, text: (type: string) => client.text(ids[type] ?? 0) };
}

/** A WebSocket client that keeps what it gets on each channel. */
export async function webSocketCommand(url: string, protocols: string[], isText = false) {
  const socket = new WebSocket(url, protocols);
  const received = new Map<number, Buffer[]>();
  const closed = once(socket, 'close').then(([code]: number[]) => code);
  socket.on('message', (message: Buffer) => {
    const channel = isText ? (message[0] ?? 0) - 0x30 : (message[0] ?? 0);
    const chunk = isText ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    const chunks = received.get(channel) ?? [];
    chunks.push(chunk);
    received.set(channel, chunks);
  });
  await once(socket, 'open');
  return {
    socket,
    closed,
    send: (channel: number, data: string | Buffer) =>
      socket.send(
        isText
          ? `${channel}${Buffer.from(data).toString('base64')}`
          : Buffer.concat([Buffer.of(channel), Buffer.from(data)]),
      ),
    text: (channel: number) => Buffer.concat(received.get(channel) ?? []).toString(),
    messages: (channel: number) => received.get(channel)?.length ?? 0,
  };
}
