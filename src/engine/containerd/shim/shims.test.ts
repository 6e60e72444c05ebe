import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shimV3 } from '../generated/containerd.js';
import { encodeFrame, FrameParser, RESPONSE } from './frames.ts';
import { ShimCalls } from './shim-calls.ts';
import { createShims } from './shims.ts';
import { ShimGone } from './ttrpc-connection.ts';

const NEVER = new AbortController().signal;
const OK_STATUS = 0;
const NOT_FOUND = 5;

interface FakeShim extends AsyncDisposable {
  readonly address: { readonly path: string; readonly version: 3 };
  /** Connections that are open now. */
  readonly sockets: Set<Socket>;
  readonly requests: string[];
  /** Answers the wait of a stream. */
  answer(stream: number, payload: Uint8Array, code?: number): void;
  /** As a kill of the shim would. */
  die(): Promise<void>;
}

/** A shim that answers when it is told to. */
async function shim(): Promise<FakeShim> {
  const dir = mkdtempDisposableSync(join(tmpdir(), 'davit-shim-'));
  const path = join(dir.path, 's');
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const parser = new FrameParser();
    socket.on('data', (chunk: Buffer) => {
      for (const { stream, payload } of parser.push(chunk)) requests.push(`${stream} ${nameIn(payload)}`);
    });
    socket.once('close', () => sockets.delete(socket));
    socket.once('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const die = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return {
    address: { path, version: 3 },
    sockets,
    requests,
    answer: (stream, payload, code = OK_STATUS) => {
      const status = code === OK_STATUS ? [] : [0x0a, 0x06, 0x08, code, 0x12, 0x02, 0x6e, 0x6f];
      const reply = Buffer.concat([Buffer.from([...status, 0x12, payload.length]), payload]);
      for (const socket of sockets) socket.write(encodeFrame({ stream, type: RESPONSE, payload: reply }));
    },
    die,
    [Symbol.asyncDispose]: async () => {
      await die();
      dir.remove();
    },
  };
}

function nameIn(request: Buffer): string {
  const [, version = '', name = ''] =
    /containerd\.task\.v(\d)\.Task.{2}(Wait|Kill)/s.exec(request.toString('latin1')) ?? [];
  return `${version} ${name}`;
}

function exit(code: number): Uint8Array {
  return shimV3.WaitResponse.encode({ exitStatus: code, exitedAt: { seconds: 2, nanos: 3 } }).finish();
}

async function until(what: string, check: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('createShims()', () => {
  it('waits for several tasks of a pod over one connection, which ends with the last', async () => {
    await using fake = await shim();
    const shims = createShims(new ShimCalls('davit'));
    const waits = ['a', 'b'].map((id) => shims.wait(fake.address, id, NEVER));
    await until('both requests', () => fake.requests.length === 2);
    expect(fake.requests).toEqual(['1 3 Wait', '3 3 Wait']);
    expect(fake.sockets.size).toBe(1);
    fake.answer(3, exit(7));
    expect(await waits[1]).toEqual({ exitCode: 7, exitedAt: 2_000_000_003n });
    fake.answer(1, exit(0));
    expect(await waits[0]).toMatchObject({ exitCode: 0 });
    await until('the end of the connection', () => fake.sockets.size === 0);
  });

  it('translates what the shim refuses', async () => {
    await using fake = await shim();
    const waiting = createShims(new ShimCalls('davit')).wait(fake.address, 'a', NEVER);
    waiting.catch(() => undefined);
    await until('the request', () => fake.requests.length === 1);
    fake.answer(1, new Uint8Array(), NOT_FOUND);
    await expect(waiting).rejects.toMatchObject({ kind: 'not-found', message: 'containerd shim Task.Wait a: no' });
  });

  it('says that nothing was left to kill', async () => {
    await using fake = await shim();
    const killing = createShims(new ShimCalls('davit')).kill(fake.address, { id: 'a', signal: 9, all: true }, NEVER);
    await until('the request', () => fake.requests.length === 1);
    fake.answer(1, new Uint8Array(), NOT_FOUND);
    expect(await killing).toBe(false);
  });

  it('tells a shim that ends, and one that has ended, from one that cannot be asked', async () => {
    await using fake = await shim();
    const shims = createShims(new ShimCalls('davit'));
    const waiting = shims.wait(fake.address, 'a', NEVER);
    waiting.catch(() => undefined);
    await until('the request', () => fake.requests.length === 1);
    await fake.die();
    await expect(waiting).rejects.toBeInstanceOf(ShimGone);
    const missing = shims.wait({ path: '/nonexistent/s', version: 3 }, 'a', NEVER);
    await expect(missing).rejects.not.toBeInstanceOf(ShimGone);
    await expect(missing).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('takes garbage for a broken shim, not for an answer', async () => {
    await using fake = await shim();
    const waiting = createShims(new ShimCalls('davit')).wait(fake.address, 'a', NEVER);
    waiting.catch(() => undefined);
    await until('the request', () => fake.requests.length === 1);
    for (const socket of fake.sockets) socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    await expect(waiting).rejects.toThrow('no ttrpc');
  });

  it('lets go of the connection when the caller gives up', async () => {
    await using fake = await shim();
    const caller = new AbortController();
    const waiting = createShims(new ShimCalls('davit')).wait(fake.address, 'a', caller.signal);
    waiting.catch(() => undefined);
    await until('the request', () => fake.requests.length === 1);
    caller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await until('the end of the connection', () => fake.sockets.size === 0);
  });
});
