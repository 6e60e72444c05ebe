import { Server, ServerCredentials, status, type ServerWritableStream } from '@grpc/grpc-js';
import Long from 'long';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Admin,
  type EventsRequest,
  type IDumpReply,
  type IEventsReply,
  type IImageWorkReply,
  type IReloadReply,
  type ITopReply,
  type TopRequest,
} from '../admin/generated/admin.js';
import { createClient } from './client.ts';
import { FakeTerminal } from './fake-terminal.ts';
import { runCli } from './run.ts';

const MIB = 1024 ** 2;
const START_MS = Date.UTC(2026, 5, 1, 12, 0, 0);

let folder: string;
let socket: string;
let server: Server;
let topAsked: TopRequest[];
let eventsAsked: EventsRequest[];
/** Each call of Top takes the next; the last one stays. */
let tops: ITopReply[];
let parts: IEventsReply[];
let reloaded: IReloadReply;
let ending: { code: status; details: string } | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dv-adm-'));
  socket = join(folder, 'a.sock');
  [topAsked, eventsAsked, tops, parts, ending] = [[], [], [], [], undefined];
  server = new Server();
  server.addService(Admin, {
    top: (call: { request: TopRequest }, done: (error: null, reply: ITopReply) => void) => {
      topAsked.push(call.request);
      done(null, (tops.length > 1 ? tops.shift() : tops[0]) ?? {});
    },
    imageWork: (_call: unknown, done: (error: null, reply: IImageWorkReply) => void) => {
      const time = nanos(START_MS);
      const fresh = { reference: 'r/fresh:1', startedAt: time, lastByteAt: time, waiters: 1 };
      const [startedAt, lastByteAt] = [nanos(START_MS - 90_000), nanos(START_MS - 61_000)];
      const half = { reference: 'r/half:1', startedAt, lastByteAt, waiters: 2 };
      done(null, {
        time,
        pulls: [{ ...half, totalBytes: 8.6e9, receivedBytes: 3.1e9, totalLayers: 9, doneLayers: 4 }, fresh],
      });
    },
    reload: (_call: unknown, done: (error: null, reply: IReloadReply) => void) => done(null, reloaded),
    dump: (call: ServerWritableStream<unknown, IDumpReply>) => {
      for (const part of ['{"a":', '1}\n']) call.write({ data: Buffer.from(part) });
      call.end();
    },
    events: (call: ServerWritableStream<EventsRequest, IEventsReply>) => {
      eventsAsked.push(call.request);
      for (const part of parts) call.write(part);
      if (ending === undefined) call.end();
      else call.emit('error', ending);
    },
  });
  await new Promise<void>((resolve, reject) => {
    const bound = (error: Error | null) => (error === null ? resolve() : reject(error));
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), bound);
  });
});

afterEach(() => {
  server.forceShutdown();
  rmSync(folder, { recursive: true });
});

describe('davit top', () => {
  it('shows the hungriest pod first, its containers below, once', async () => {
    tops = [moment(0)];
    const { code, stdout } = await davit('top', '--once');
    expect(code).toBe(0);
    const [head, gap, columns, ...rows] = stdout.split('\n');
    expect(head).toBe('12:00:00  cpu - of 2  memory 512MiB of 1GiB  2 pods, 2 of 3 containers run');
    expect(gap).toBe('');
    expect(columns?.split(/ +/)).toEqual([
      'POD',
      'CONTAINER',
      'STATE',
      'RESTARTS',
      'CPU',
      'LIMIT',
      'MEMORY',
      'LIMIT',
      'RX',
      'TX',
      'RX/s',
      'TX/s',
      'AGE',
    ]);
    expect(rows.map((row) => row.trim().split(/ {3,}/))).toEqual([
      ['default/busy', 'ready', '4', '250m', '-', '96.4MiB', '-', '1KiB', '2KiB', '-', '-', '1h'],
      ['main', 'running', '3', '250m', '500m', '96.4MiB', '128MiB', '30m'],
      ['once', 'exited (137)', '1', '-', '-', '-', '-', '1h'],
      ['default/idle', 'ready', '0', '1m', '-', '1MiB', '-', '-', '-', '-', '-', '1h'],
      ['main', 'running', '0', '1m', '-', '1MiB', '-', '1h'],
      [''],
    ]);
  });

  it('asks for what is wanted, sorts as asked, and gives JSON', async () => {
    tops = [moment(0)];
    await davit('top', '--once', '-n', 'default', '--pod', 'busy', '--id', 'ab', '--label', 'a=b');
    expect(topAsked).toMatchObject([{ podNamespace: 'default', podName: 'busy', sandboxId: 'ab', labels: { a: 'b' } }]);
    expect((await davit('top', '-1', '--sort', 'name')).stdout.indexOf('busy')).toBeGreaterThan(0);
    const json = JSON.parse((await davit('top', '--once', '-o', 'json')).stdout) as { pods: { name: string }[] };
    expect(json.pods.map(({ name }) => name)).toEqual(['idle', 'busy']);
    expect(await davit('top', '--sort', 'age')).toMatchObject({ code: 2 });
    expect(await davit('top', '--interval', '0')).toMatchObject({ code: 2 });
  });

  it('draws on a terminal, with rates, until q is pressed', async () => {
    tops = [moment(0), moment(10)];
    const terminal = new FakeTerminal(true);
    const ran = davitOn(terminal, 'top', '--interval', '1');
    await vi.waitFor(() => expect(terminal.shown.at(-1)).toContain('1.5KiB   512B'), { timeout: 30_000 });
    expect(terminal.shown.at(-1)).toContain('cpu 0.50 of 2');
    terminal.press('n');
    await vi.waitFor(() => expect(terminal.shown.at(-1)).toContain('by network'), { timeout: 30_000 });
    expect(terminal.isTaken).toBe(true);
    terminal.press('q');
    expect((await ran).code).toBe(0);
    expect(terminal.isTaken).toBe(false);
  });

  it('says on a terminal that davitd is away, and goes on', async () => {
    server.forceShutdown();
    const terminal = new FakeTerminal(true);
    const ran = davitOn(terminal, 'top');
    await vi.waitFor(() => expect(terminal.shown.at(-1)).toMatch(/UNAVAILABLE: .*/), { timeout: 30_000 });
    terminal.press('\u0003');
    expect((await ran).code).toBe(0);
  });
});

describe('davit events', () => {
  it('prints a line for each event', async () => {
    parts = [{ events: [EVENT] }, { events: [{ ...EVENT, object: 'image', id: '', podName: '', containerName: '' }] }];
    const { stdout, code } = await davit('events');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      '2026-06-01T12:00:00.000Z  container stopped     default/web/main 0123456789abc exit_code=137 message="out of memory"',
      '2026-06-01T12:00:00.000Z  image     stopped     exit_code=137 message="out of memory"',
      '',
    ]);
    expect(eventsAsked[0]).toMatchObject({ follow: false, objects: [], since: null });
  });

  it('asks with every filter', async () => {
    const filters = ['-n', 'ns', '--pod', 'p', '--container', 'c', '--id', 'x', '--label', 'a=b', '--object', 'image'];
    await davit('events', '-f', ...filters, '--action', 'oom', '--action', 'stopped', '--until', '1700000000');
    expect(eventsAsked[0]).toMatchObject({
      follow: true,
      objects: ['image'],
      actions: ['oom', 'stopped'],
      podNamespace: 'ns',
      podName: 'p',
      containerName: 'c',
      id: 'x',
      labels: { a: 'b' },
    });
    expect(eventsAsked[0]?.until?.toString()).toBe('1700000000000000000');
  });

  it('says what of the time that was asked for is not known', async () => {
    parts = [{ completeSince: nanos(START_MS) }, { events: [EVENT] }];
    const { stderr } = await davit('events', '--since', '2026-06-01T11:00:00Z');
    expect(stderr).toBe('davit: nothing is known of before 2026-06-01T12:00:00.000Z\n');
    expect((await davit('events', '--since', '2026-06-01T12:00:00Z')).stderr).toBe('');
    expect(await davit('events', '--since', 'yesterday')).toMatchObject({ code: 2 });
  });

  it('gives JSON, a line for each, and the reason when it is ended', async () => {
    parts = [{ events: [EVENT] }];
    ending = { code: status.RESOURCE_EXHAUSTED, details: 'reads too slowly' };
    const { stdout, stderr, code } = await davit('events', '-f', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ action: 'stopped', attributes: { exit_code: '137' } });
    expect([code, stderr]).toEqual([1, 'davit: RESOURCE_EXHAUSTED: reads too slowly\n']);
  });
});

describe('davit pulls and davit dump', () => {
  it('tell how far pulls are', async () => {
    const rows = (await davit('pulls')).stdout.split('\n').map((row) => row.split(/ {3,}/));
    expect(rows.slice(1, 3)).toEqual([
      ['r/half:1', '1m30s', '3.1GB of 8.6GB', '4 of 9', '1m1s', '2'],
      ['r/fresh:1', '0s', '0B of ?', '0 of ?', '0s', '1'],
    ]);
  });

  it('print what davitd knows', async () => {
    expect((await davit('dump')).stdout).toBe('{"a":1}\n');
  });
});

describe('davit reload', () => {
  it('shows what has changed, and what waits', async () => {
    reloaded = { outcome: 'applied', applied: ['log_level'], needRestart: ['streaming.port'] };
    expect(await davit('reload')).toMatchObject({
      code: 0,
      stdout: 'in force: log_level\nwaits for a restart: streaming.port\napplied\n',
    });
  });

  it('fails with what is wrong', async () => {
    reloaded = { outcome: 'refused', problems: ['/etc/davit/config.toml:3: log_level: bad'] };
    expect(await davit('reload')).toMatchObject({
      code: 1,
      stdout: 'wrong: /etc/davit/config.toml:3: log_level: bad\nrefused: nothing was changed\n',
      stderr: '',
    });
  });
});

const EVENT = {
  sequence: 1,
  time: nanos(START_MS),
  object: 'container',
  action: 'stopped',
  id: '0123456789abcdef',
  podNamespace: 'default',
  podName: 'web',
  containerName: 'main',
  attributes: { exit_code: '137', message: 'out of memory', image_id: 'sha256:ab' },
};

/** Two pods, `seconds` after the start: 1.5 KiB/s come in and 512 B/s go out of one; the node is half busy. */
function moment(seconds: number): ITopReply {
  const now = START_MS + seconds * 1000;
  const created = nanos(START_MS - 3_600_000);
  const hungry = {
    time: nanos(now),
    cpuNanoCores: 250e6,
    memoryWorkingSetBytes: Math.round(96.4 * MIB),
  };
  const idle = { time: nanos(now), cpuNanoCores: 1e6, memoryWorkingSetBytes: MIB };
  return {
    time: nanos(now),
    node: { cpus: 2, memoryBytes: 1024 * MIB, memoryAvailableBytes: 512 * MIB, cpuUsageNanos: 5e8 * (seconds + 1) },
    pods: [
      {
        id: 'i',
        namespace: 'default',
        name: 'idle',
        state: 'ready',
        createdAt: created,
        usage: idle,
        containers: [{ name: 'main', state: 'running', createdAt: created, usage: idle }],
      },
      {
        id: 'b',
        namespace: 'default',
        name: 'busy',
        state: 'ready',
        createdAt: created,
        usage: hungry,
        interfaces: [{ name: 'eth0', rxBytes: 1024 + 1536 * seconds, txBytes: 2048 + 512 * seconds }],
        containers: [
          {
            name: 'main',
            state: 'running',
            restarts: 3,
            createdAt: created,
            startedAt: nanos(START_MS - 1_800_000),
            usage: { ...hungry, cpuLimitNanoCores: 500e6, memoryLimitBytes: 128 * MIB },
          },
          { name: 'once', state: 'exited', restarts: 1, exitCode: 137, createdAt: created, usage: {} },
        ],
      },
    ],
  };
}

function nanos(ms: number): Long {
  return Long.fromNumber(ms).multiply(1_000_000);
}

function davit(...argv: readonly string[]) {
  return davitOn(new FakeTerminal(false), ...argv);
}

async function davitOn(terminal: FakeTerminal, ...argv: readonly string[]) {
  let stdout = '';
  let stderr = '';
  const code = await runCli(argv, {
    stdout: { write: (text) => (stdout += Buffer.from(text).toString()) },
    stderr: { write: (text) => (stderr += Buffer.from(text).toString()) },
    env: { DAVIT_ADMIN: `unix://${socket}` },
    connect: createClient,
    terminal,
  });
  return { code, stdout, stderr };
}
