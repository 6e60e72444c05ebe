import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import { noExecTraces } from './support/exec-traces.ts';
import { BUSYBOX, Pod, containerStatus, crictl, eventually, mustCrictl, nodeEnv } from './support/node.ts';
import type { Ran } from './support/run.ts';
import { StreamClient } from './support/stream-client.ts';
import { davitPids, usageOf } from './support/usage.ts';

const MIB = 1024 * 1024;
const LARGE_BYTES = 200 * MIB;
/** What is moved while davitd's memory is looked at; the longer form is hack/test --all's. */
const LONG_BYTES = process.env['DAVIT_TEST_ALL'] === '1' ? 1024 * MIB : 128 * MIB;
/** Buffers on the way, and what V8 lets grow before it collects: much less than what is moved. */
const GROWTH_MAX_BYTES = 64 * MIB;
const MEMORY_INTERVAL_MS = 100;

let pod: Pod;
let container: string;
let dir: string;
let file: string;
let fileDigest: string;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  dir = await mkdtemp(join(tmpdir(), 'davit-stream-'));
  file = join(dir, 'random');
  const bytes = randomBytes(LARGE_BYTES);
  fileDigest = createHash('sha256').update(bytes).digest('hex');
  await writeFile(file, bytes);
  pod = await Pod.run('exec-stream', { linux: { security_context: { namespace_options: { pid: 1 } } } });
  container = await pod.start('main', { mounts: [{ container_path: '/random', host_path: file, readonly: true }] });
});

afterAll(async () => {
  await pod[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

async function digestOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** The most that davitd grows by while something is done, from where it was after a first time. */
async function growthWhile(work: () => Promise<void>): Promise<number> {
  const [davitd = 0] = await davitPids();
  const before = (await usageOf(davitd)).residentBytes;
  let most = before;
  const timer = setInterval(() => {
    // One that is late is of no use: the next one comes.
    void usageOf(davitd).then(({ residentBytes }) => (most = Math.max(most, residentBytes)));
  }, MEMORY_INTERVAL_MS);
  await work();
  clearInterval(timer);
  return Math.max(most, (await usageOf(davitd)).residentBytes) - before;
}

describe.each(['spdy', 'websocket'])('crictl exec over %s', (transport) => {
  const exec = (...command: readonly string[]): readonly string[] => [
    'exec',
    '--transport',
    transport,
    container,
    ...command,
  ];
  const execInput = (...command: readonly string[]): readonly string[] => ['exec', '-i', ...exec(...command).slice(1)];

  /** Gives a command an input that the test writes. */
  async function withInput(input: string | Buffer, ...command: readonly string[]): Promise<Ran> {
    const child = spawn('crictl', [...execInput(...command)], { env: nodeEnv() });
    child.stdin.end(input);
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number]>,
    ]);
    return { code, stdout, stderr };
  }

  it('carries input and both outputs, and tells the exit code', async () => {
    const { code, stdout, stderr } = await withInput('some input', 'sh', '-c', 'cat; echo also >&2; exit 42');
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'some input' });
    expect(stderr).toMatch(/^also\n[^]*command terminated with exit code 42/);
  });

  it('takes 200 MiB in, byte for byte', async () => {
    await using input = await open(file);
    const child = spawn('crictl', [...execInput('sha256sum')], {
      env: nodeEnv(),
      stdio: [input.fd, 'pipe', 'inherit'],
    });
    expect(await text(child.stdout as Readable)).toBe(`${fileDigest}  -\n`);
  });

  it('gives 200 MiB out, byte for byte', async () => {
    const child = spawn('crictl', [...exec('cat', '/random')], {
      env: nodeEnv(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(await digestOf(child.stdout)).toBe(fileDigest);
  });

  it('takes in and gives out at once', async () => {
    await using input = await open(file);
    const child = spawn('crictl', [...execInput('head', '-c', String(50 * MIB))], {
      env: nodeEnv(),
      stdio: [input.fd, 'pipe', 'ignore'],
    });
    let bytes = 0;
    for await (const chunk of child.stdout as Readable) bytes += (chunk as Buffer).length;
    // head leaves the rest of its input unread, and the session ends all the same.
    expect(bytes).toBe(50 * MIB);
  });

  it('lets a command outlive its input', async () => {
    const { code, stdout } = await withInput('x', 'sh', '-c', 'cat; sleep 0.5; echo later');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'xlater\n' });
  });

  it('says in one line what command is not there, or cannot be run', async () => {
    for (const [command, problem] of [
      ['no-such-command', 'not found'],
      ['/etc', 'denied|directory'],
    ] as const) {
      const { code, stderr } = await crictl(...exec(command));
      expect(code).toBe(1);
      expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(new RegExp(`exec .*${command}.*(${problem})`))]);
    }
    await noExecTraces(container);
  });

  it('ends a command whose client is killed', async () => {
    const child = spawn('crictl', [...execInput('sh', '-c', 'echo here; setsid sleep 5001; sleep 5002')], {
      env: nodeEnv(),
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await noExecTraces(container);
    expect(await containerStatus(container)).toMatchObject({ state: 'CONTAINER_RUNNING' });
  });

  it('moves much with little memory, in and out', async () => {
    const count = String(LONG_BYTES / MIB);
    const out = async (mib: string): Promise<void> => {
      const child = spawn('crictl', [...exec('dd', 'if=/dev/zero', 'bs=1M', `count=${mib}`)], {
        env: nodeEnv(),
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let bytes = 0;
      for await (const chunk of child.stdout) bytes += (chunk as Buffer).length;
      expect(bytes).toBe(Number(mib) * MIB);
    };
    const into = async (mib: string): Promise<void> => {
      const pipe = `head -c ${Number(mib) * MIB} /dev/zero | crictl ${execInput('wc', '-c').join(' ')}`;
      const child = spawn('sh', ['-c', pipe], { env: nodeEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
      expect(Number(await text(child.stdout))).toBe(Number(mib) * MIB);
    };
    await out('32');
    await into('32');
    const growth = await growthWhile(async () => {
      await out(count);
      await into(count);
    });
    expect(growth).toBeLessThan(GROWTH_MAX_BYTES);
  });
});

describe('many execs', () => {
  it('run 100 at once', async () => {
    using cri = connectCri();
    const clients = await Promise.all(
      Array.from({ length: 100 }, (_, n) => StreamClient.exec(cri, container, ['sh', '-c', `sleep 1; echo ${n}`])),
    );
    const statuses = await Promise.all(clients.map((client) => client.ended()));
    expect(new Set(statuses.map(({ status, message }) => message ?? status))).toEqual(new Set(['Success']));
    expect(clients.map(({ stdout }) => stdout)).toEqual(clients.map((_, n) => `${n}\n`));
    await noExecTraces(container);
  });
});

describe('attach without a terminal', () => {
  it.each(['spdy', 'websocket'])(
    'over %s: the first client to end its input ends that of a stdin_once container',
    async (transport) => {
      const id = await pod.start(`once-${transport}`, { command: ['sha256sum'], stdin: true, stdin_once: true });
      await using input = await open(file);
      const child = spawn('crictl', ['attach', '-i', '--transport', transport, id], {
        env: nodeEnv(),
        stdio: [input.fd, 'pipe', 'inherit'],
      });
      expect(await text(child.stdout as Readable)).toBe(`${fileDigest}  -\n`);
      await eventually('its exit', async () => {
        const { state, exitCode } = await containerStatus(id);
        return state === 'CONTAINER_EXITED' && exitCode === 0 ? true : undefined;
      });
      await mustCrictl('rm', id);
    },
  );

  it('many clients: each gets all output from when it came, and leaves the container alone', async () => {
    using cri = connectCri();
    const id = await pod.start('many', { command: ['sh'], stdin: true });
    const clients = await Promise.all(Array.from({ length: 20 }, () => StreamClient.attach(cri, id)));
    const [first, ...others] = clients;
    first?.type('seq 1 1000\n');
    const all = Array.from({ length: 1000 }, (_, n) => `${n + 1}\n`).join('');
    for (const client of clients) {
      await eventually('all lines', () => Promise.resolve(client.stdout.length >= all.length ? true : undefined));
      expect(client.stdout).toBe(all);
    }
    for (const client of others) await client.vanish();
    first?.type('echo still here\n');
    await eventually('the last line', () => Promise.resolve(first?.stdout.endsWith('still here\n') ? true : undefined));
    await first?.vanish();
    expect(await containerStatus(id)).toMatchObject({ state: 'CONTAINER_RUNNING' });
    await mustCrictl('rm', '-f', id);
  });
});
