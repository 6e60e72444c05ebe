import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogAttachment } from './log-service.ts';
import { bundlePump, PumpFixture, soon, until } from './pump-fixture.ts';

const SLOW_MS = 120_000;
const OUTPUTS = { stdin: false, stdout: true, stderr: true };
const ALL = { stdin: true, stdout: true, stderr: true };
const MEGABYTE = 1024 * 1024;
/** Reads the container's stdin as the shim does: $1 is the FIFO, opened for reading alone. */
const CAT = 'exec 5<"$1"; echo ready >&3; cat <&5 >&3; echo closed >&4';

let pump: string;

beforeAll(async () => {
  pump = await bundlePump();
});

afterAll(async () => await rm(pump));

/** Collects what comes, from now on. */
function collect(stream: Readable | undefined): { readonly text: () => string; readonly whole: Promise<string> } {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const whole = async (): Promise<string> => {
    if (stream !== undefined && !stream.readableEnded) await once(stream, 'end');
    return Buffer.concat(chunks).toString();
  };
  return { text: () => Buffer.concat(chunks).toString(), whole: whole() };
}

async function textOf(stream: Readable | undefined): Promise<string> {
  return stream === undefined ? '' : await text(stream);
}

async function hashOf(stream: Readable | undefined): Promise<{ bytes: number; sha: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { bytes, sha: hash.digest('hex') };
}

function fdsOf(pid: number | 'self'): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** CAT has come to where it reads. */
async function isReady(node: PumpFixture): Promise<void> {
  await until(async () => ((await node.writtenSoFar('a')).stdout === 'ready\n' ? true : undefined));
}

async function attachedCount(node: PumpFixture): Promise<number | undefined> {
  return (await node.service.status(soon())).attached;
}

async function nobodyAttached(node: PumpFixture): Promise<void> {
  await until(async () => ((await attachedCount(node)) === 0 ? true : undefined));
}

describe('attach()', { timeout: SLOW_MS }, () => {
  it('gives what comes from now on to everybody, each stream in order and to the last byte', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const writer = node.write(paths, 'echo before >&3; read -r _; seq 1 200000 >&3; seq 1 1000 >&4; printf end >&3');
    await until(async () => ((await node.writtenSoFar('a')).stdout === '' ? undefined : true));
    const clients = await Promise.all([1, 2, 3].map(() => node.service.attach('a', OUTPUTS, soon())));
    const onlyErr = await node.service.attach('a', { stdin: false, stdout: false, stderr: true }, soon());
    const read = clients.map(async ({ stdout, stderr, ended }) => ({
      stdout: (await hashOf(stdout)).sha,
      stderr: await textOf(stderr),
      ended: await ended,
    }));
    expect(onlyErr.stdout).toBeUndefined();
    const err = textOf(onlyErr.stderr);
    writer.nudge();
    await writer.exited;
    const totals = await node.service.ended('a', soon());
    const { stdout, stderr } = await node.written('a');
    const sha = createHash('sha256').update(stdout.slice('before\n'.length)).digest('hex');
    for (const client of await Promise.all(read)) expect(client).toEqual({ stdout: sha, stderr, ended: 'ended' });
    expect(await err).toBe(stderr);
    expect(totals.stderr?.lines).toBe(1000);
    await nobodyAttached(node);
  });

  it('gives a terminal one stream', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { tty: true, stdin: true });
    const writer = node.write(paths, 'read -r _; printf "\\033[1mhi\\r\\n" >&3');
    await using client = await node.service.attach('a', ALL, soon());
    const stderr = textOf(client.stderr);
    const stdout = textOf(client.stdout);
    writer.nudge();
    await writer.exited;
    await node.service.ended('a', soon());
    expect(await stdout).toBe('\u001B[1mhi\r\n');
    expect(await stderr).toBe('');
  });

  it('refuses a container that has ended, is unknown, has no stdin, and a request of nothing', async () => {
    await using node = await PumpFixture.start(pump);
    await node.prepare('a');
    await expect(node.service.attach('a', ALL, soon())).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('made without stdin'),
    });
    const nothing = { stdin: false, stdout: false, stderr: false };
    await expect(node.service.attach('a', nothing, soon())).rejects.toMatchObject({ kind: 'invalid-argument' });
    await expect(node.service.attach('b', OUTPUTS, soon())).rejects.toMatchObject({ kind: 'not-found' });
    await node.service.ended('a', soon());
    await expect(node.service.attach('a', OUTPUTS, soon())).rejects.toMatchObject({ kind: 'failed-precondition' });
    await expect(node.service.attach('a', OUTPUTS, AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
    expect(await attachedCount(node)).toBe(0);
  });

  it('hears of nothing before its reply, also where another container ends meanwhile', async () => {
    await using node = await PumpFixture.start(pump);
    await node.prepare('a');
    await node.prepare('b');
    const socket = connect(join(node.state, 'pump/pump.sock'));
    await once(socket, 'connect');
    await node.service.ended('b', soon());
    socket.write(`${JSON.stringify({ id: 7, op: 'attach', params: { id: 'a', ...OUTPUTS } })}\n`);
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(JSON.parse(first.toString())).toEqual({ id: 7, result: {} });
    socket.destroy();
  });

  it('ends with a container that is removed', async () => {
    await using node = await PumpFixture.start(pump);
    await node.prepare('a');
    await using client = await node.service.attach('a', OUTPUTS, soon());
    await node.service.release('a');
    expect(await client.ended).toBe('ended');
  });

  it('says what to do when the pump is of a former version', async () => {
    await using node = await PumpFixture.start(pump);
    await node.prepare('a');
    await node.service.close();
    process.kill(await node.lockedPid(), 'SIGTERM');
    const old = createServer((socket) => {
      socket.on('data', (chunk) => {
        for (const line of chunk.toString().trim().split('\n')) {
          const { id, op } = JSON.parse(line) as { id: number; op: string };
          const hello = { protocol: 1, version: '0.0.9', pid: 77 };
          socket.write(`${JSON.stringify({ id, result: op === 'list' ? { streams: [] } : hello })}\n`);
        }
      });
    });
    const socketPath = join(node.state, 'pump/pump.sock');
    await until(async () => (existsSync(socketPath) ? undefined : true));
    old.listen(socketPath);
    await once(old, 'listening');
    await node.restartService();
    await expect(node.service.attach('a', OUTPUTS, soon())).rejects.toMatchObject({
      kind: 'unimplemented',
      message: expect.stringMatching(/davit-pump \(pid 77, version 0\.0\.9\) is older .* \(kill 77\)/),
    });
    await node.service.close();
    old.close();
    await node.restartService();
  });
});

describe('an attached client that reads nothing', { timeout: SLOW_MS }, () => {
  it('is dropped with the reason when a container without stdin goes on; the log and others have all', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const slow = await node.service.attach('a', OUTPUTS, soon());
    const writer = node.write(paths, 'read -r _; seq 1 3000000 >&3');
    writer.nudge();
    await writer.exited;
    const { stdout } = await node.service.ended('a', soon());
    expect(stdout.lines).toBe(3_000_000);
    const start = textOf(slow.stdout);
    await expect(slow.ended).rejects.toMatchObject({
      kind: 'resource-exhausted',
      message: expect.stringMatching(/it left \d+ bytes of output unread/),
    });
    const expected = (await node.written('a')).stdout;
    expect(expected.startsWith(await start)).toBe(true);
    expect((await start).length).toBeLessThan(2 * MEGABYTE);
    await nobodyAttached(node);
  });

  it('holds a container with stdin back for some seconds, then it is dropped and all goes on', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true });
    const other = await node.prepare('other');
    const slow = await node.service.attach('a', OUTPUTS, soon());
    const reader = await node.service.attach('a', OUTPUTS, soon());
    const whole = hashOf(reader.stdout);
    reader.stderr?.resume();
    const writer = node.write(paths, 'seq 1 3000000 >&3');
    await until(async () => ((await node.service.held(soon()))[0]?.totals.stdout.bytes ?? 0) > MEGABYTE || undefined);
    await node.write(other, 'seq 1 1000 >&3').exited;
    expect((await node.service.ended('other', soon())).stdout.lines).toBe(1000);
    expect(await Promise.race([writer.exited.then(() => 'done'), node.pumpPid().then(() => 'waits')])).toBe('waits');
    await writer.exited;
    await node.service.ended('a', soon());
    const { stdout } = await node.written('a');
    expect((await whole).sha).toBe(createHash('sha256').update(stdout).digest('hex'));
    slow.stdout?.resume();
    await expect(slow.ended).rejects.toMatchObject({ kind: 'resource-exhausted' });
  });

  it('sets the pace of a container with stdin while it reads, however much comes', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true });
    const client = await node.service.attach('a', OUTPUTS, soon());
    client.stderr?.resume();
    const bytes = 200 * MEGABYTE;
    const writer = node.write(paths, `head -c ${bytes} /dev/zero | tr '\\0' 'x' >&3`);
    const hash = createHash('sha256');
    let seen = 0;
    let most = 0;
    const pid = await node.pumpPid();
    for await (const chunk of client.stdout ?? []) {
      hash.update(chunk as Buffer);
      if (seen % (20 * MEGABYTE) > (seen + (chunk as Buffer).length) % (20 * MEGABYTE)) most = Math.max(most, rss(pid));
      seen += (chunk as Buffer).length;
      if (seen === bytes) void writer.exited.then(() => node.service.ended('a', soon()));
    }
    expect(seen).toBe(bytes);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(Buffer.alloc(bytes, 'x')).digest('hex'));
    expect(most).toBeLessThan(200 * MEGABYTE);
  });
});

function rss(pid: number): number {
  const [, pages = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return Number(pages) * 4096;
}

describe('stdin', { timeout: SLOW_MS }, () => {
  it('reaches the container in order, and stays open for the next client', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true });
    const watcher = await node.service.attach('a', OUTPUTS, soon());
    const out = collect(watcher.stdout);
    const writer = node.write(paths, CAT, paths.stdin ?? '');
    await until(async () => (out.text() === 'ready\n' ? true : undefined));
    for (const line of ['one\n', 'two\n']) {
      const client = await node.service.attach('a', ALL, soon());
      client.stdin?.end(line);
      expect(await client.ended).toBe('detached');
    }
    await until(async () => (out.text() === 'ready\none\ntwo\n' ? true : undefined));
    expect(node.stdinClosed).toEqual([]);
    process.kill(-writer.pid, 'SIGKILL');
    await node.service.ended('a', soon());
    expect(await watcher.ended).toBe('ended');
  });

  it('carries what the container takes, no more, and all of it', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true, stdinOnce: true });
    node.write(paths, CAT, paths.stdin ?? '');
    await isReady(node);
    const client = await node.service.attach('a', ALL, soon());
    const whole = hashOf(client.stdout);
    client.stderr?.resume();
    const chunk = Buffer.alloc(MEGABYTE, 'y');
    const hash = createHash('sha256');
    for (let n = 0; n < 100; n++) {
      hash.update(chunk);
      if (client.stdin?.write(chunk) === false) await once(client.stdin, 'drain');
    }
    client.stdin?.end();
    await until(async () => (node.stdinClosed.length > 0 ? true : undefined));
    await until(async () => ((await node.writtenSoFar('a')).stderr === 'closed\n' ? true : undefined));
    await node.service.ended('a', soon());
    expect((await whole).sha).toBe(hash.digest('hex'));
  });

  it('once: is closed when the first client ends it; output goes on, nobody gets stdin again', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true, stdinOnce: true });
    const writer = node.write(paths, `${CAT}; read -r _; echo late >&3`, paths.stdin ?? '');
    await isReady(node);
    const client = await node.service.attach('a', ALL, soon());
    const [out, err] = [collect(client.stdout), collect(client.stderr)];
    client.stdin?.end('hello\n');
    await until(async () => (err.text() === 'closed\n' ? true : undefined));
    expect(out.text()).toBe('hello\n');
    expect(node.stdinClosed).toEqual(['a']);
    await expect(node.service.attach('a', ALL, soon())).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('stdin_once'),
    });
    await node.killPump(); // its successor knows
    await node.restartService();
    expect(node.stdinClosed.length).toBeGreaterThan(1);
    await expect(node.service.attach('a', ALL, soon())).rejects.toMatchObject({ kind: 'failed-precondition' });
    const next = await node.service.attach('a', OUTPUTS, soon());
    const late = textOf(next.stdout);
    next.stderr?.resume();
    writer.nudge();
    await writer.exited;
    await node.service.ended('a', soon());
    expect(await late).toBe('late\n');
    await expect(client.ended).rejects.toMatchObject({ kind: 'unavailable' });
    await node.service.release('a');
    expect(readdirSync(`${node.state}/io`)).toEqual([]);
  });

  it('once: is closed when the first client vanishes', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true, stdinOnce: true });
    const writer = node.write(paths, CAT, paths.stdin ?? '');
    await isReady(node);
    const client = await node.service.attach('a', ALL, soon());
    await client[Symbol.asyncDispose]();
    await writer.exited;
    expect(node.stdinClosed).toEqual(['a']);
  });

  it('once: of a terminal stays open, since its end would hang the terminal up', async () => {
    await using node = await PumpFixture.start(pump);
    await node.prepare('a', { stdin: true, stdinOnce: true, tty: true });
    const client = await node.service.attach('a', ALL, soon());
    client.stdin?.end('exit\n');
    expect(await client.ended).toBe('detached');
    const next = await node.service.attach('a', ALL, soon());
    await next[Symbol.asyncDispose]();
    await nobodyAttached(node);
    expect(node.stdinClosed).toEqual([]);
  });
});

describe('clients that vanish', { timeout: SLOW_MS }, () => {
  it('leave nothing behind: a thousand, with stdin that nobody reads', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true });
    const stop = join(node.folder, 'stop');
    node.write(paths, 'while ! test -e "$1"; do seq 1 1000 >&3; done', stop);
    const pid = await node.pumpPid();
    const vanish = async (round: number): Promise<void> => {
      const client = await node.service.attach('a', ALL, soon());
      client.stdin?.write(Buffer.alloc(round % 3 === 0 ? 100_000 : 10));
      if (round % 2 === 0) await once(client.stdout ?? process, 'readable');
      await client[Symbol.asyncDispose]();
      await client.ended.catch(() => undefined);
    };
    for (let round = 0; round < 50; round++) await vanish(round);
    await nobodyAttached(node);
    const before = { pump: fdsOf(pid), own: fdsOf('self') };
    for (let round = 0; round < 100; round++) {
      await Promise.all(Array.from({ length: 10 }, (_, i) => vanish(10 * round + i)));
    }
    await nobodyAttached(node);
    expect({ pump: fdsOf(pid), own: fdsOf('self') }).toEqual(before);
  });
});

describe('attached clients, when a process is killed', { timeout: SLOW_MS }, () => {
  it('learn that the pump is gone; the container and its log go on', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true });
    const writer = node.write(paths, CAT, paths.stdin ?? '');
    const clients = await Promise.all([1, 2, 3].map(() => node.service.attach('a', ALL, soon())));
    const read = clients.map((client) => Promise.all([textOf(client.stdout), textOf(client.stderr)]));
    await node.killPump();
    for (const client of clients) {
      await expect(client.ended).rejects.toMatchObject({ kind: 'unavailable' });
      expect(client.stdin?.destroyed).toBe(true);
    }
    await Promise.all(read);
    const next: LogAttachment = await node.service.attach('a', ALL, soon());
    const out = collect(next.stdout);
    next.stdin?.write('still here\n');
    await until(async () => (out.text().includes('still here\n') ? true : undefined));
    process.kill(-writer.pid, 'SIGKILL');
  });
});
