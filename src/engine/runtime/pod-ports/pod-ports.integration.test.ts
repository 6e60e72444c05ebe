import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Logger } from '../../logger.ts';
import { NAMESPACE_WORKER_SOURCE } from '../namespaces/index.ts';
import { createPodPorts } from './index.ts';
import type { PodPorts } from './index.ts';

const NEVER = new AbortController().signal;
const NETNS = `dvpp${process.pid}`;
const PATH = `/run/netns/${NETNS}`;
/** Echoes, and ends its direction when the client has ended its own. */
const ECHO = `const [host, port] = process.argv.slice(1);
  require('node:net').createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
    .listen({ host, port: Number(port), backlog: 1024 }, () => console.log('listens'));`;

const children: number[] = [];
const lost: string[] = [];
const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (_fields, message) => lost.push(message),
};

let ports: PodPorts;

async function serveIn(host: string, port: number): Promise<void> {
  const child = spawn('nsenter', [`--net=${PATH}`, process.execPath, '-e', ECHO, host, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child.pid ?? 0);
  await once(child.stdout, 'data');
}

async function echoed(stream: Duplex, said: string): Promise<string> {
  stream.end(said);
  return await text(stream);
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

beforeEach(() => {
  execFileSync('ip', ['netns', 'add', NETNS]);
  execFileSync('ip', ['-n', NETNS, 'link', 'set', 'lo', 'up']);
  ports = createPodPorts({ entry: NAMESPACE_WORKER_SOURCE, logger });
});

afterEach(async () => {
  await ports.close();
  for (const pid of children.splice(0)) process.kill(pid, 'SIGKILL');
  execFileSync('ip', ['netns', 'delete', NETNS]);
});

describe('PodPorts.connect()', () => {
  it("reaches 127.0.0.1 and ::1 of the pod, and not the node's; each direction ends alone", async () => {
    await serveIn('127.0.0.1', 8004);
    await serveIn('::1', 8006);
    for (const port of [8004, 8006]) {
      expect(await echoed(await ports.connect({ netns: PATH, port }, NEVER), 'hello')).toBe('hello');
      await expect(ports.connect({ port }, NEVER)).rejects.toMatchObject({ kind: 'unavailable' });
    }
    expect(readdirSync('/proc/self/task').filter((task) => netnsOf(task) !== netnsOf('self'))).toEqual([]);
  });

  it("reaches the node's own localhost for a pod on the host's network", async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, host);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      expect(await echoed(await ports.connect({ port }, NEVER), 'node')).toBe('node');
      server.close();
    }
  });

  it('names a port that nobody serves, with what both addresses say, and leaves nothing open', async () => {
    await ports.connect({ netns: PATH, port: 9 }, NEVER).catch(() => undefined); // the thread has come up
    const before = descriptors();
    const refused = await Promise.allSettled(
      Array.from({ length: 100 }, () => ports.connect({ netns: PATH, port: 9 }, NEVER)),
    );
    for (const outcome of refused) {
      expect(String(outcome.status === 'rejected' && outcome.reason)).toMatch(
        /port 9 takes no connection: 127\.0\.0\.1: connect: ECONNREFUSED, \[::1\]: connect: ECONNREFUSED/,
      );
    }
    expect(descriptors()).toBe(before);
  });

  it('says so when the namespace is gone, and goes on with others', async () => {
    await serveIn('127.0.0.1', 8004);
    await expect(ports.connect({ netns: '/run/netns/gone', port: 8004 }, NEVER)).rejects.toThrow(/ENOENT/);
    expect(await echoed(await ports.connect({ netns: PATH, port: 8004 }, NEVER), 'on')).toBe('on');
    expect(lost).toEqual([]); // it is the same thread
  });

  it('serves two hundred connections at once, and leaves no descriptor', async () => {
    await serveIn('127.0.0.1', 8004);
    (await ports.connect({ netns: PATH, port: 8004 }, NEVER)).destroy();
    await expect.poll(openSockets).toBe(0);
    const before = descriptors();
    const streams = await Promise.all(
      Array.from({ length: 200 }, () => ports.connect({ netns: PATH, port: 8004 }, NEVER)),
    );
    const answers = await Promise.all(streams.map((stream, n) => echoed(stream, `${n} ${'x'.repeat(10_000)}`)));
    expect(answers.map((answer) => parseInt(answer, 10))).toEqual(streams.map((_, n) => n));
    await expect.poll(descriptors).toBe(before);
  });

  it('leaves no descriptor of connections that were given up', async () => {
    await serveIn('127.0.0.1', 8004);
    (await ports.connect({ netns: PATH, port: 8004 }, NEVER)).destroy();
    await expect.poll(openSockets).toBe(0);
    const before = descriptors();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, n) => {
        const controller = new AbortController();
        const connected = ports.connect({ netns: PATH, port: 8004 }, controller.signal);
        if (n % 2 === 0) controller.abort();
        else setImmediate(() => controller.abort());
        return connected;
      }),
    );
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') outcome.value.destroy();
    expect(outcomes.some((outcome) => outcome.status === 'rejected')).toBe(true);
    await expect.poll(descriptors).toBe(before);
  });

  it('gives up a listener whose queue is full, and no other waits for that', async () => {
    await serveIn('127.0.0.1', 8004);
    const full = `const socket = require('node:net').createServer(() => undefined)
      .listen({ host: '127.0.0.1', port: 8005, backlog: 1 }, () => { console.log('listens'); setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)); });`;
    const child = spawn('nsenter', [`--net=${PATH}`, process.execPath, '-e', full], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child.pid ?? 0);
    await once(child.stdout, 'data');
    const controller = new AbortController();
    const waiting = Array.from({ length: 5 }, () => ports.connect({ netns: PATH, port: 8005 }, controller.signal));
    const settled = Promise.allSettled(waiting);
    expect(await echoed(await ports.connect({ netns: PATH, port: 8004 }, NEVER), 'soon')).toBe('soon');
    controller.abort();
    const outcomes = await settled;
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') outcome.value.destroy();
    expect(outcomes.some((outcome) => outcome.status === 'rejected')).toBe(true);
  });

  it('makes no connection after close()', async () => {
    await ports.close();
    await expect(ports.connect({ netns: PATH, port: 80 }, NEVER)).rejects.toThrow(/davitd is ending/);
  });
});

function netnsOf(task: string): string {
  const base = task === 'self' ? '/proc/self' : `/proc/self/task/${task}`;
  try {
    return readlinkSync(`${base}/ns/net`);
  } catch {
    return readlinkSync('/proc/self/ns/net'); // the thread has just ended
  }
}

/** Sockets of this process that are still in the pod's namespace. */
function openSockets(): number {
  const output = execFileSync('ip', ['netns', 'exec', NETNS, 'ss', '-Htnp', 'state', 'established'], {
    encoding: 'utf8',
  });
  return output.split('\n').filter((line) => line.includes(`pid=${process.pid},`)).length;
}
