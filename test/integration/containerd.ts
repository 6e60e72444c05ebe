import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, closeSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { closeAllOnExec } from '../../src/sys/close-on-exec.ts';
import { parseMountinfo } from '../../src/sys/mountinfo.ts';

/** A containerd for one test, with root, state and socket of its own. Disposing it removes all that it left. */
export interface TestContainerd extends AsyncDisposable {
  /** Path of its socket. */
  readonly address: string;
  readonly root: string;
  readonly state: string;
  /** Folder that holds all of it; tests may put things there too. */
  readonly dir: string;
  readonly pid: number;
  /** Ends it in order and starts it again; its shims live on. */
  restart(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it after `kill()`; resolves when it answers. */
  start(): Promise<void>;
  /** What it wrote to its log. */
  log(): string;
}

/** How long containerd may take to answer or to end, in ms. */
const PATIENCE_MS = 30_000;
const POLL_MS = 20;

/** Starts the `containerd` that PATH finds. Short paths: a unix socket's ends at 107 bytes. */
export async function startContainerd(): Promise<TestContainerd> {
  const containerd = new Containerd(mkdtempSync('/tmp/dvc-'));
  try {
    await containerd.start();
  } catch (error) {
    const log = containerd.log();
    await containerd[Symbol.asyncDispose]();
    throw new Error(`containerd did not start: ${log}`, { cause: error });
  }
  return containerd;
}

class Containerd implements TestContainerd {
  readonly dir: string;
  readonly root: string;
  readonly state: string;
  readonly address: string;
  readonly #config: string;
  readonly #log: string;
  #process: ChildProcess | undefined;

  constructor(dir: string) {
    this.dir = dir;
    this.root = join(dir, 'root');
    this.state = join(dir, 'state');
    this.address = join(dir, 'c.sock');
    this.#config = join(dir, 'config.toml');
    this.#log = join(dir, 'log');
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('containerd does not run');
    return pid;
  }

  async start(): Promise<void> {
    writeFileSync(this.#config, CONFIG);
    closeAllOnExec(); // what this process was given must not end up in shims
    const log = openSync(this.#log, 'a');
    const args = ['--config', this.#config, '--address', this.address, '--root', this.root, '--state', this.state];
    this.#process = spawn('containerd', args, { stdio: ['ignore', log, log], detached: true, cwd: '/' });
    closeSync(log);
    this.#process.once('error', () => undefined); // the wait below says that it does not answer
    await this.#waitUntilItAnswers();
  }

  async restart(): Promise<void> {
    await this.#end('SIGTERM');
    await this.start();
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  log(): string {
    try {
      return readFileSync(this.#log, 'utf8');
    } catch {
      return '';
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGTERM');
    for (const shim of shimsOf(this.address)) {
      for (const child of childrenOf(shim)) killNow(child);
      killNow(shim);
    }
    unmountBelow(this.dir);
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const ended = this.#process;
    this.#process = undefined;
    if (ended?.pid === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
    const exit = once(ended, 'exit');
    ended.kill(signal);
    const timer = setTimeout(() => ended.kill('SIGKILL'), PATIENCE_MS);
    await exit;
    clearTimeout(timer);
  }

  async #waitUntilItAnswers(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await answers(this.address))) {
      if (this.#process?.exitCode !== null) throw new Error('containerd ended');
      if (Date.now() > deadline) throw new Error(`containerd does not answer at ${this.address}`);
      await delay(POLL_MS);
    }
  }
}

/** The form that both 1.x and 2.x read; names that a version does not know are ignored. */
const CONFIG = `version = 2
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.cri.v1.images",
  "io.containerd.cri.v1.runtime",
  "io.containerd.internal.v1.opt",
  "io.containerd.nri.v1.nri",
]
`;

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function shimsOf(address: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const args = readOr(`/proc/${pid}/cmdline`).split('\0');
      return (args[0] ?? '').includes('containerd-shim') && args.includes(address);
    });
}

function childrenOf(pid: number): readonly number[] {
  return readOr(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

function unmountBelow(dir: string): void {
  const points = parseMountinfo(readOr('/proc/self/mountinfo')).map((entry) => entry.mountPoint);
  const ours = points.filter((point) => point.startsWith(`${dir}/`)).reverse();
  if (ours.length > 0) spawnSync('umount', ['-l', ...ours]);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
