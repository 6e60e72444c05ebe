import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RuntimeService } from '../cri/generated/cri.js';

const FIXTURE = new URL('daemon.fixture.ts', import.meta.url).pathname;

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A davitd process with a fake engine, and its log. */
class Davitd implements AsyncDisposable {
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();

  constructor(mode: 'ready' | 'failing' | 'slow', flags: readonly string[] = ['--disable-sigusr1']) {
    this.#child = spawn(process.execPath, [...flags, FIXTURE, folder, mode], { stdio: ['ignore', 'inherit', 'pipe'] });
    if (this.#child.stderr === null) throw new Error('no standard error');
    createInterface(this.#child.stderr).on('line', (line) => {
      this.lines.push(line.startsWith('{') ? (JSON.parse(line) as Line) : { level: 'raw', msg: line });
      for (const wake of this.#waiting) wake();
    });
  }

  /** The first line whose message holds `part`, once it is there. */
  async line(part: string): Promise<Line> {
    for (;;) {
      const found = this.lines.find(({ msg }) => msg.includes(part));
      if (found !== undefined) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async exitCode(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exitCode();
  }
}

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dvd'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function version(): Promise<string> {
  const client = new Client(`unix:${folder}/s`, credentials.createInsecure());
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { path, requestSerialize, responseDeserialize } = RuntimeService.version;
  client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error, value) => {
    if (error === null && value !== undefined) resolve(value.runtimeName);
    else reject(error ?? new Error('no value'));
  });
  return promise.finally(() => client.close());
}

describe('runDaemon()', { timeout: 30_000 }, () => {
  it('serves, and ends with 0 on SIGTERM', async () => {
    await using davitd = new Davitd('ready');
    await davitd.line('davitd is ready');
    expect(await version()).toBe('davit');
    const { port } = await davitd.line('metrics are served');
    const metrics = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
    expect(metrics).toContain('davit_sandboxes{state="ready"} 1');
    expect(metrics).toContain('davit_containers{state="running"} 0');
    expect(metrics).toContain('grpc_method="Version",grpc_code="OK"} 1');
    davitd.kill('SIGTERM');
    expect(await davitd.exitCode()).toBe(0);
    expect(davitd.lines.map(({ msg }) => msg).slice(-2)).toEqual(['engine closed', 'davitd has stopped']);
    await expect(stat(join(folder, 's'))).rejects.toThrow('ENOENT');
  });

  it('answers while the engine still starts, and can be stopped then', async () => {
    await using davitd = new Davitd('slow');
    const { port } = await davitd.line('metrics are served');
    expect(await version()).toBe('davit');
    expect((await fetch(`http://127.0.0.1:${String(port)}/readyz`)).status).toBe(503);
    davitd.kill('SIGINT');
    expect(await davitd.exitCode()).toBe(0);
    expect((await davitd.line('engine closed')).level).toBe('info');
  });

  it('ends with 1 and says why when the engine cannot start', async () => {
    await using davitd = new Davitd('failing');
    expect(await davitd.exitCode()).toBe(1);
    expect(await davitd.line('davitd cannot start')).toMatchObject({
      level: 'fatal',
      err: { message: 'no containerd here' },
    });
  });

  it('outlives SIGHUP, and SIGUSR1 also without the flag, which opens no inspector', async () => {
    await using davitd = new Davitd('ready', []);
    await davitd.line('davitd is ready');
    expect((await davitd.line('--disable-sigusr1')).level).toBe('warn');
    davitd.kill('SIGHUP');
    await davitd.line('the configuration was read again');
    davitd.kill('SIGUSR1');
    await davitd.line('signal ignored');
    expect(await version()).toBe('davit');
    expect(davitd.lines.filter(({ msg }) => msg.includes('Debugger'))).toEqual([]);
  });

  it('dumps its state on SIGUSR2, without the values of variables', async () => {
    await using davitd = new Davitd('ready');
    await davitd.line('davitd is ready');
    davitd.kill('SIGUSR2');
    const { path } = await davitd.line('state dumped');
    const file = String(path);
    expect((await readdir(folder)).filter((name) => name.startsWith('dump-'))).toHaveLength(1);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain('hunter2');
    expect(JSON.parse(text)).toMatchObject({
      ready: true,
      containers: [{ spec: { env: ['TOKEN=…'] } }],
      sandboxes: [{}],
    });
  });
});
