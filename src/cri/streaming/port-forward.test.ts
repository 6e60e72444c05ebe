import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { TestSpdyClient } from './spdy/test-client.ts';
import { harness, spdyClient, upgrade } from './test-harness.ts';
import type { Harness } from './test-harness.ts';
import { clientTunnel } from './test-tunnel.ts';

const MIB = 1024 * 1024;
const TUNNEL = 'SPDY/3.1+portforward.k8s.io';

type Connect = (h: Harness) => Promise<TestSpdyClient>;

const overSpdy: Connect = (h) => spdyClient(h.server.getPortForward({ sandboxId: 'pod1' }), 'portforward.k8s.io');

const overWebSocket: Connect = async (h) => {
  const upgraded = await upgrade(h.server.getPortForward({ sandboxId: 'pod1' }), {
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Protocol': `v9.${TUNNEL}, ${TUNNEL}`,
  });
  if (!('socket' in upgraded)) throw new Error(`not upgraded: ${upgraded.status} ${upgraded.body}`);
  expect(upgraded.headers['sec-websocket-protocol']).toBe(TUNNEL);
  return new TestSpdyClient(clientTunnel(upgraded.socket));
};

/** Opens the two streams of a connection as real clients do: the error stream first, whose own side it ends. */
async function dial(client: TestSpdyClient, port: number, requestid: string) {
  const error = await client.open({ streamtype: 'error', port: String(port), requestid });
  await client.until(() => client.stream(error).isReplied);
  client.send(error, '', true);
  const data = await client.open({ streamtype: 'data', port: String(port), requestid });
  await client.until(() => client.stream(data).isReplied);
  return { data, error };
}

interface Upstream extends AsyncDisposable {
  readonly port: number;
  /** The connections in the order in which they came. */
  next(): Promise<Socket>;
}

async function upstream(): Promise<Upstream> {
  const server: Server = createServer({ allowHalfOpen: true });
  const sockets: Socket[] = [];
  const waiting: Socket[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    waiting.push(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    next: async () => {
      for (;;) {
        const socket = waiting.shift();
        if (socket !== undefined) return socket;
        await once(server, 'connection');
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

describe.each([
  ['SPDY', overSpdy],
  ['WebSocket', overWebSocket],
] as const)('port forward over %s', (_, connect) => {
  it('carries both directions, each to its own end', async () => {
    await using h = await harness();
    await using up = await upstream();
    const client = await connect(h);
    const { data, error } = await dial(client, up.port, '0');
    client.send(data, 'question');
    client.send(data, '', true);
    const socket = await up.next();
    expect(await text(socket)).toBe('question');
    socket.end('answer');
    await client.until(() => client.stream(data).isFinished && client.stream(error).isFinished);
    expect([client.text(data), client.text(error)]).toEqual(['answer', '']);
  });

  it('serves many connections at once', async () => {
    await using h = await harness();
    await using up = await upstream();
    const client = await connect(h);
    const pairs: Awaited<ReturnType<typeof dial>>[] = [];
    for (let n = 0; n < 50; n++) {
      const pair = await dial(client, up.port, String(n));
      pairs.push(pair);
      client.send(pair.data, `${n}`, true);
    }
    for (let n = 0; n < 50; n++) {
      const socket = await up.next();
      void text(socket).then((question) => socket.end(`answer to ${question}`));
    }
    await client.until(() =>
      pairs.every(({ data, error }) => client.stream(data).isFinished && client.stream(error).isFinished),
    );
    expect(pairs.map(({ data }) => client.text(data))).toEqual(pairs.map((_, n) => `answer to ${n}`));
  });

  it('names a port that nobody listens on, and goes on', async () => {
    await using h = await harness();
    await using up = await upstream();
    const client = await connect(h);
    const good = await dial(client, up.port, 'a');
    const bad = await dial(client, 9, 'b');
    await client.until(() => client.stream(bad.error).isFinished);
    expect(client.text(bad.error)).toBe('port 9 of pod pod1: connect ECONNREFUSED 127.0.0.1:9');
    await client.until(() => client.stream(bad.data).reset !== undefined);
    (await up.next()).end('still there');
    await client.until(() => client.stream(good.data).isFinished);
    expect(client.text(good.data)).toBe('still there');
    expect(h.lines).toContainEqual(expect.objectContaining({ level: 'debug', message: 'port forward failed' }));
  });

  it('ends one connection alone, without a text, when the pod breaks it', async () => {
    await using h = await harness();
    await using up = await upstream();
    const client = await connect(h);
    const broken = await dial(client, up.port, 'a');
    (await up.next()).resetAndDestroy();
    await client.until(() => client.stream(broken.error).isFinished && client.stream(broken.data).reset !== undefined);
    expect([client.text(broken.error), client.stream(broken.data).reset]).toEqual(['', 5]);
    const good = await dial(client, up.port, 'b');
    (await up.next()).end('fine');
    await client.until(() => client.stream(good.data).isFinished);
    expect(client.isHungUp).toBe(false);
  });

  it('closes the connection in the pod when the client resets its stream or goes', async () => {
    await using h = await harness();
    await using up = await upstream();
    const client = await connect(h);
    const first = await dial(client, up.port, 'a');
    const reset = await up.next();
    reset.resume();
    client.sendControl(3, 0, Buffer.from([0, 0, 0, first.data, 0, 0, 0, 5]));
    await Promise.all([once(reset, 'end'), client.until(() => client.stream(first.error).isFinished)]);
    await dial(client, up.port, 'b');
    const left = await up.next();
    left.resume();
    client.transport.end();
    await once(left, 'end');
    expect(client.text(first.error)).toBe('');
  });

  it('refuses ports and streams that are none', async () => {
    await using h = await harness();
    const client = await connect(h);
    const headers = [
      { streamtype: 'data', port: '0' },
      { streamtype: 'data', port: '65536' },
      { streamtype: 'data', port: '8o' },
      { streamtype: 'error' },
      { streamtype: 'stdin', port: '80' },
    ];
    for (const one of headers) {
      const id = await client.open(one);
      await client.until(() => client.stream(id).reset !== undefined);
      expect(client.stream(id).isReplied).toBe(false);
    }
  });

  it('pairs the streams of clients that name no request', async () => {
    await using h = await harness();
    await using up = await upstream();
    const client = await connect(h);
    await client.open({ streamtype: 'error', port: String(up.port) });
    const data = await client.open({ streamtype: 'data', port: String(up.port) });
    (await up.next()).end('paired');
    await client.until(() => client.stream(data).isFinished);
    expect(client.text(data)).toBe('paired');
  });

  it('gives up a pair whose second stream does not come', async () => {
    await using h = await harness({ creationTimeoutMs: 50 });
    const client = await connect(h);
    const error = await client.open({ streamtype: 'error', port: '80', requestid: '1' });
    const data = await client.open({ streamtype: 'data', port: '80', requestid: '2' });
    await client.until(() => client.stream(error).isFinished && client.stream(data).reset !== undefined);
    expect(client.text(error)).toMatch(/data stream was not opened in 50 ms/);
  });

  it('carries 4 MiB each way at once', async () => {
    await using h = await harness();
    await using up = await upstream();
    const client = await connect(h);
    const { data } = await dial(client, up.port, '0');
    const socket = await up.next();
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    for (let n = 0; n < 4; n++) {
      client.send(data, Buffer.alloc(MIB));
      socket.write(Buffer.alloc(MIB));
    }
    client.send(data, '', true);
    await once(socket, 'end');
    socket.end();
    await client.until(() => client.stream(data).isFinished);
    expect([received, client.stream(data).bytes]).toEqual([4 * MIB, 4 * MIB]);
  });

  it('ends with the server', async () => {
    await using h = await harness();
    await using up = await upstream();
    const client = await connect(h);
    await dial(client, up.port, '0');
    const socket = await up.next();
    socket.resume();
    await Promise.all([h.server.close(), once(socket, 'end'), client.until(() => client.isHungUp)]);
    expect(client.isGoneAway).toBe(true);
  });
});
