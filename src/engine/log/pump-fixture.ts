import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Logger } from '../logger.ts';
import { createLogService } from './pump-log-service.ts';
import type { LogService, OutputPaths, OutputSpec } from './log-service.ts';
import { WATCH_TIMES } from './pump-watch.ts';
import type { WatchTimes } from './pump-watch.ts';

/** The pump's sources. */
export const PUMP_ENTRY = fileURLToPath(new URL('../../pump/main.ts', import.meta.url));
/** Where koffi, which no bundle contains, is found. */
const BUNDLES = fileURLToPath(new URL('../../../node_modules/.cache/davit-test/', import.meta.url));
const POLL_INTERVAL_MS = 5;
const WAIT_DEADLINE_MS = 30_000;
const HEADER = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([FP]) /;

export const MAX_LINE_BYTES = 16_384;

/** A logger that keeps what it is told. */
export class TestLogger implements Logger {
  readonly lines: string[] = [];
  readonly debug = this.#keep('debug');
  readonly info = this.#keep('info');
  readonly warn = this.#keep('warn');
  readonly error = this.#keep('error');

  #keep(level: string): (fields: object, message: string) => void {
    return (fields, message) => this.lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  }
}

/** A state folder with a real pump, and davitd's side of it. Disposing of it ends both. */
export class PumpFixture implements AsyncDisposable {
  readonly folder: string;
  readonly logger = new TestLogger();
  /** Containers whose stdin was said to be closed for good. */
  readonly stdinClosed: string[] = [];
  service: LogService;
  #entry: string;
  #version = '0.0.0-test';
  readonly #watch: WatchTimes;
  readonly #writers: number[] = [];

  private constructor(folder: string, entry: string, watch: Partial<WatchTimes>) {
    this.folder = folder;
    this.#entry = entry;
    this.#watch = { ...WATCH_TIMES, ...watch };
    this.service = this.#newService();
  }

  /** `entry` is the pump's sources, or a bundle of them. */
  static async start(entry = PUMP_ENTRY, options: FixtureOptions = {}): Promise<PumpFixture> {
    const fixture = new PumpFixture(await mkdtemp(join(tmpdir(), 'davit-pump-')), entry, options.watch ?? {});
    await options.beforeStart?.(fixture);
    await fixture.service.start(soon());
    return fixture;
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  logPath(id: string): string {
    return join(this.folder, 'logs', `${id}.log`);
  }

  async prepare(id: string, spec: Partial<OutputSpec> = {}): Promise<OutputPaths> {
    const defaults = { containerId: id, stdin: false, stdinOnce: false, tty: false, logPath: this.logPath(id) };
    return await this.service.prepare({ ...defaults, ...spec }, soon());
  }

  async pumpPid(): Promise<number> {
    return (await this.service.status(soon())).pid;
  }

  /** Ends the pump with SIGKILL; returns its successor's pid. */
  async killPump(): Promise<number> {
    const pid = await this.pumpPid();
    process.kill(pid, 'SIGKILL');
    return await until(async () => {
      const next = await this.pumpPid().catch(() => pid);
      return next === pid ? undefined : next;
    });
  }

  /** davitd ends and another one starts, perhaps one with another pump program. */
  async restartService(program: { readonly entry?: string; readonly version?: string } = {}): Promise<void> {
    await this.service.close();
    this.#entry = program.entry ?? this.#entry;
    this.#version = program.version ?? this.#version;
    this.service = this.#newService();
    await this.service.start(soon());
  }

  /** The same while the pump does not answer. */
  async restartServiceBlindly(): Promise<void> {
    await this.service.close();
    this.service = this.#newService();
    void this.service.start(soon());
  }

  /** Of the pump that has this state, also when it does not answer. */
  async lockedPid(): Promise<number> {
    return Number(await readFile(join(this.state, 'pump/lock'), 'utf8'));
  }

  /** Runs a shell script with FIFOs open at both ends, as the shim has them, on descriptors 3 (stdout) and 4 (stderr). */
  write(paths: OutputPaths, script: string, ...args: readonly string[]): Writer {
    const open = `exec 3<>"$1" 4<>"$2"; shift 2; ${script}`;
    const child = spawn('sh', ['-c', open, 'sh', paths.stdout, paths.stderr ?? '/dev/null', ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const pid = child.pid ?? 0;
    this.#writers.push(pid);
    const said: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
    const exited = once(child, 'close').then(() => Buffer.concat(said).toString('utf8').trim());
    return { pid, exited, nudge: () => child.stdin.end('\n') };
  }

  /** As written(), of a container that still writes: without the line that the pump is in the middle of. */
  async writtenSoFar(id: string): Promise<{ stdout: string; stderr: string }> {
    const log = await readFile(this.logPath(id), 'utf8');
    return readLog(log.slice(0, log.lastIndexOf('\n') + 1));
  }

  /** What a container's log holds, each stream as it was written. Throws at a line that is not whole. */
  async written(id: string): Promise<{ stdout: string; stderr: string }> {
    return readLog(await readFile(this.logPath(id), 'utf8'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#writers) killGroup(pid);
    const pid = await this.pumpPid().catch(() => undefined);
    await this.service.close();
    if (pid !== undefined) {
      process.kill(pid, 'SIGTERM');
      await until(async () => (isAlive(pid) ? undefined : true));
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  #newService(): LogService {
    return createLogService({
      entry: this.#entry,
      state: this.state,
      version: this.#version,
      cgroup: 'inherit',
      maxLineBytes: MAX_LINE_BYTES,
      onStdinClosed: (id) => this.stdinClosed.push(id),
      logger: this.logger,
      watch: this.#watch,
    });
  }
}

export interface FixtureOptions {
  readonly beforeStart?: (fixture: PumpFixture) => Promise<void>;
  readonly watch?: Partial<WatchTimes>;
}

export interface Writer {
  readonly pid: number;
  /** What the script wrote to its own stdout, when it has ended. */
  readonly exited: Promise<string>;
  /** Gives the script a line on its stdin, once. */
  nudge(): void;
}

/** A deadline that only a failing test meets. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(WAIT_DEADLINE_MS);
}

/** Asks until there is an answer. */
export async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const signal = soon();
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(POLL_INTERVAL_MS, undefined, { signal });
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The pump as production runs it: a bundle starts in a third of the time of its sources. Remove it in the end. */
export async function bundlePump(name = 'davit-pump'): Promise<string> {
  const outfile = join(BUNDLES, `${name}-${process.pid}.mjs`);
  await build({
    entryPoints: [PUMP_ENTRY],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: ['koffi'],
    logLevel: 'error',
  });
  return outfile;
}

/** Ends a script and all that it started. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

/** Puts the streams together again from a log. Throws at a line that is not of the format. */
export function readLog(log: string): { stdout: string; stderr: string } {
  const parts: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] };
  const lines = log.split('\n');
  if (lines.pop() !== '') throw new Error('the log ends in an unfinished line');
  for (const line of lines) {
    const match = HEADER.exec(line);
    if (match === null) throw new Error(`not a log line: ${line.slice(0, 100)}`);
    const [header, stream, tag] = match;
    parts[stream === 'stderr' ? 'stderr' : 'stdout'].push(line.slice(header.length), tag === 'F' ? '\n' : '');
  }
  return { stdout: parts.stdout.join(''), stderr: parts.stderr.join('') };
}
