import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Duplex, duplexPair, PassThrough } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { socketPair } from '../test-sockets.ts';
import type { SocketPair } from '../test-sockets.ts';
import { SpdyConnection } from './connection.ts';
import type { SpdyHeaders } from './header-block.ts';
import type { SpdyStream } from './stream.ts';
import { headerBlock, TestSpdyClient, u32 } from './test-client.ts';
import { bytesOf, randomFrom } from './test-random.ts';

const MIB = 1024 * 1024;

interface World extends AsyncDisposable {
  readonly sockets: SocketPair;
  readonly client: TestSpdyClient;
  readonly connection: SpdyConnection;
  readonly streams: SpdyStream[];
  /** Opens a stream and gives both ends. */
  open(headers?: Readonly<Record<string, string>>): Promise<{ readonly id: number; readonly stream: SpdyStream }>;
}

async function world(accepts: (headers: SpdyHeaders) => boolean = () => true): Promise<World> {
  const sockets = await socketPair();
  const streams: SpdyStream[] = [];
  const connection = SpdyConnection.serve(sockets.server, {
    accepts,
    onStream: (stream) => streams.push(stream),
    onActivity: () => undefined,
  });
  const client = new TestSpdyClient(sockets.client);
  return {
    sockets,
    client,
    connection,
    streams,
    open: async (headers = { streamtype: 'data' }) => {
      const id = await client.open(headers);
      await client.until(() => client.stream(id).isReplied);
      const stream = streams.find((one) => one.id === id);
      if (stream === undefined) throw new Error(`stream ${id} is not there`);
      return { id, stream };
    },
    [Symbol.asyncDispose]: async () => {
      connection.destroy('the test is over');
      await sockets[Symbol.asyncDispose]();
    },
  };
}

describe('SpdyConnection', () => {
  it('answers each stream at once and carries both directions', async () => {
    await using w = await world();
    const first = await w.open({ streamType: 'stdin', port: '80' });
    expect(Object.fromEntries(first.stream.headers)).toEqual({ streamtype: 'stdin', port: '80' });
    const second = await w.open({ streamtype: 'stdout' });
    w.client.send(first.id, 'to the server');
    w.client.send(first.id, '', true);
    expect(await text(first.stream)).toBe('to the server');
    second.stream.write('to the ');
    second.stream.end('client');
    await w.client.until(() => w.client.stream(second.id).isFinished);
    expect(w.client.text(second.id)).toBe('to the client');
    expect(w.client.frames.filter(({ type }) => type === 2).map(({ body }) => body)).toEqual([u32(0), u32(0)]);
  });

  it('half closes: the server may send long after the end of the input', async () => {
    await using w = await world();
    const { id, stream } = await w.open();
    w.client.send(id, 'in', true);
    expect(await text(stream)).toBe('in');
    stream.end('out');
    await w.client.until(() => w.client.stream(id).isFinished);
    expect(w.client.text(id)).toBe('out');
    expect(w.client.stream(id).reset).toBeUndefined();
  });

  it('takes an end that comes with the opening', async () => {
    await using w = await world();
    const id = await w.client.open({ streamtype: 'error' }, 1);
    await w.client.until(() => w.client.stream(id).isReplied);
    expect(await Promise.all(w.streams.map(text))).toEqual(['']);
  });

  it('refuses what the server does not accept, and goes on', async () => {
    await using w = await world((headers) => headers.get('port') === '80');
    const id = await w.client.open({ port: '0' });
    await w.client.until(() => w.client.stream(id).reset !== undefined);
    expect(w.client.stream(id)).toMatchObject({ reset: 3, isReplied: false });
    await w.open({ port: '80' });
    expect(w.streams).toHaveLength(1);
  });

  it('refuses an id that is even or not above the last', async () => {
    await using w = await world();
    await w.open();
    await w.client.openAs(2, {});
    await w.client.openAs(1, {});
    await w.client.until(() => w.client.frames.filter(({ type }) => type === 3).length === 2);
    expect(w.client.stream(2).reset).toBe(1);
    expect(w.streams).toHaveLength(1);
  });

  it('tells the client when a stream is destroyed, and the server when one is reset', async () => {
    await using w = await world();
    const first = await w.open();
    first.stream.destroy();
    await w.client.until(() => w.client.stream(first.id).reset !== undefined);
    expect(w.client.stream(first.id).reset).toBe(5);
    const second = await w.open();
    const closed = once(second.stream, 'close');
    w.client.sendControl(3, 0, Buffer.concat([u32(second.id), u32(5)]));
    await closed;
    expect(second.stream.readableEnded).toBe(false);
    expect(w.connection.gone.aborted).toBe(false);
  });

  it('echoes the pings of the client and no others', async () => {
    await using w = await world();
    w.client.sendControl(6, 0, u32(2));
    w.client.sendControl(6, 0, u32(3));
    await w.client.until(() => w.client.frames.length > 0);
    expect(w.client.frames.map(({ type, streamId }) => [type, streamId])).toEqual([[6, 3]]);
  });

  it('passes over settings, window updates, headers and data of streams that are not there', async () => {
    await using w = await world();
    w.client.sendControl(4, 0, u32(0));
    w.client.sendControl(9, 0, Buffer.concat([u32(1), u32(65_536)]));
    w.client.send(77, 'nobody');
    const { id, stream } = await w.open();
    w.client.sendControl(8, 0, Buffer.concat([u32(id), await w.client.deflate(headerBlock([['a', 'b']]))]));
    const next = await w.open();
    w.client.send(id, 'still here', true);
    expect(await text(stream)).toBe('still here');
    expect(next.id).toBe(3);
  });

  it('stops the client when a reader lags, and loses nothing', async () => {
    await using w = await world();
    const { id, stream } = await w.open();
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const total = 32 * MIB;
    let sent = 0;
    const sending = (async () => {
      for (; sent < total; sent += chunk.length) if (!w.client.send(id, chunk)) await once(w.sockets.client, 'drain');
      w.client.send(id, '', true);
    })();
    await until(() => w.sockets.client.writableNeedDrain && w.sockets.server.isPaused());
    await sleep(100);
    // What is on its way is what the kernel holds for both ends, and no more of it is here than the budget.
    expect(w.sockets.server.bytesRead).toBeLessThan(2 * MIB);
    let received = 0;
    for await (const piece of stream) received += (piece as Buffer).length;
    await sending;
    expect(received).toBe(total);
  });

  it('stops the sender when the client lags, and loses nothing', async () => {
    await using w = await world();
    const { id, stream } = await w.open();
    w.client.keepsData = false;
    w.sockets.client.pause();
    const total = 32 * MIB;
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024, 'y');
    const sending = (async () => {
      for (; sent < total; sent += chunk.length) if (!stream.write(chunk)) await once(stream, 'drain');
      stream.end();
    })();
    await until(() => w.sockets.server.writableNeedDrain);
    await sleep(100);
    expect(w.sockets.server.writableLength + stream.writableLength).toBeLessThan(MIB);
    expect(sent).toBeLessThan(total / 2);
    w.sockets.client.resume();
    await w.client.until(() => w.client.stream(id).isFinished);
    await sending;
    expect(w.client.stream(id).bytes).toBe(total);
  });

  it('does not read the pings of a client that takes no answers', async () => {
    const [server, client] = duplexPair();
    const connection = SpdyConnection.serve(server, {
      accepts: () => true,
      onStream: () => undefined,
      onActivity: () => undefined,
    });
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => Buffer.from('800300060000000400000001', 'hex')));
    let sent = 0;
    for (; sent < 16 * MIB && !server.isPaused(); sent += pings.length) {
      if (!client.write(pings)) await Promise.race([once(client, 'drain'), sleep(100)]);
    }
    expect(sent).toBeLessThan(4 * MIB);
    expect(server.writableLength).toBeLessThan(2 * MIB);
    let answered = 0;
    client.on('data', (answers: Buffer) => (answered += answers.length));
    await until(() => answered === sent);
    connection.destroy('the test is over');
  });

  it('CVE-2026-35469: closes a connection that speaks of huge sizes at once', async () => {
    for (const bytes of [
      Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]),
      Buffer.from([0x80, 3, 0, 4, 0, 0xff, 0xff, 0xff]),
      Buffer.from([0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1]),
    ]) {
      await using w = await world();
      w.client.raw(bytes);
      await w.client.until(() => w.client.isHungUp);
      expect(w.connection.gone.aborted).toBe(true);
    }
  });

  it('CVE-2026-35469: closes a connection whose headers inflate to more than headers can be', async () => {
    await using w = await world();
    const block = await w.client.deflate(Buffer.alloc(8 * MIB));
    w.client.sendControl(1, 0, Buffer.concat([u32(1), u32(0), Buffer.alloc(2), block]));
    await w.client.until(() => w.client.isHungUp);
    expect(w.connection.gone.reason).toMatchObject({ message: expect.stringContaining('inflates to more') });
  });

  it('ends all streams, says so, and hangs up after the client has', async () => {
    await using w = await world();
    const { id, stream } = await w.open();
    const unread = await w.open();
    stream.write('last words');
    w.client.send(unread.id, Buffer.alloc(2 * MIB));
    const closing = w.connection.close();
    await w.client.until(() => w.client.isHungUp);
    expect(w.client.text(id)).toBe('last words');
    expect([w.client.stream(id).isFinished, w.client.stream(unread.id).isFinished]).toEqual([true, true]);
    expect(w.client.isGoneAway).toBe(true);
    w.sockets.client.end();
    await closing;
    expect(w.connection.gone.aborted).toBe(true);
    expect(stream.destroyed).toBe(true);
  });

  it('hurries a close that the client holds up', async () => {
    await using w = await world();
    const { stream } = await w.open();
    w.sockets.client.pause();
    stream.write(Buffer.alloc(64 * MIB));
    const hurry = new AbortController();
    const closing = w.connection.close(hurry.signal);
    hurry.abort();
    await closing;
    expect(w.sockets.server.destroyed).toBe(true);
  });

  it('takes the goodbye of the client for its end', async () => {
    await using w = await world();
    const { stream } = await w.open();
    const closed = once(stream, 'close');
    w.client.sendControl(7, 0, Buffer.concat([u32(0), u32(0)]));
    await w.client.until(() => w.client.isHungUp);
    expect(w.connection.gone.aborted).toBe(true);
    w.sockets.client.end();
    await closed;
  });

  it.each(['end', 'destroy', 'resetAndDestroy'] as const)(
    'destroys the streams when the client goes by %s',
    async (how) => {
      await using w = await world();
      const { stream } = await w.open();
      const closed = once(stream, 'close');
      w.sockets.client[how]();
      await closed;
      expect(w.connection.gone.aborted).toBe(true);
    },
  );

  it('takes no harm from a session in which some bytes are wrong', async () => {
    const random = randomFrom(4);
    const session = await recordedSession();
    for (let round = 0; round < 200; round++) {
      await using w = await world();
      const mutated = Buffer.from(session);
      for (let n = random(4); n >= 0; n--) mutated.writeUInt8(random(256), random(mutated.length));
      w.client.raw(mutated);
      w.sockets.client.end();
      await until(() => w.sockets.server.destroyed);
      expect(w.connection.gone.aborted).toBe(true);
    }
  });

  it('takes no harm from random frames', async () => {
    const random = randomFrom(3);
    const before = process.memoryUsage();
    for (let round = 0; round < 100; round++) {
      await using w = await world();
      await w.client.open({ streamtype: 'data' });
      for (let n = 0; n < 50; n++) w.client.raw(randomFrame(random));
      w.sockets.client.end();
      await until(() => w.sockets.server.destroyed);
    }
    const after = process.memoryUsage();
    expect(after.external - before.external).toBeLessThan(32 * MIB);
  });
});

/** What a client sends that opens four streams, writes to them, pings and says goodbye. */
async function recordedSession(): Promise<Buffer> {
  const sink = new PassThrough();
  const client = new TestSpdyClient(Duplex.from({ writable: sink, readable: new PassThrough() }));
  for (const streamtype of ['error', 'stdin', 'stdout', 'resize']) await client.open({ streamtype });
  client.send(3, 'some input');
  client.sendControl(6, 0, u32(1));
  client.send(3, 'and its end', true);
  client.sendControl(3, 0, Buffer.concat([u32(5), u32(5)]));
  client.sendControl(7, 0, Buffer.concat([u32(0), u32(0)]));
  client.transport.end();
  return buffer(sink);
}

/** Of a likely shape: a true type and length more often than not. */
function randomFrame(random: (limit: number) => number): Buffer {
  const length = random(4) === 0 ? random(2 ** 24) : random(40);
  const body = bytesOf(random, random(3) === 0 ? random(40) : Math.min(length, 40));
  const word = u32(length);
  word.writeUInt8(random(4), 0);
  const head = random(3) === 0 ? u32(random(6)) : Buffer.from([0x80, random(20) === 0 ? 2 : 3, 0, random(11)]);
  return Buffer.concat([head, word, body]);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}
