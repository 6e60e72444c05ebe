import { spawn } from 'node:child_process';
import { mkdtemp, open, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, run } from './run.ts';
import { CRICTL_PATIENCE, eventually, nodeEnv } from './node.ts';
import type { Ran } from './run.ts';

const DIST = fileURLToPath(new URL('../../../dist/', import.meta.url));

export interface DaemonOptions {
  /** The folder of another build than the one that is tested. */
  readonly dist?: string;
  /** More of its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A davitd of the test's own, beside the node's: its root, state and socket are in a folder of its own. */
export class Daemon implements AsyncDisposable {
  readonly dir: string;
  readonly #flags: readonly string[];
  readonly #options: DaemonOptions;
  #dist: string;
  #pid = 0;

  private constructor(dir: string, flags: readonly string[], options: DaemonOptions) {
    this.dir = dir;
    this.#flags = flags;
    this.#options = options;
    this.#dist = options.dist ?? DIST;
  }

  static async start(flags: readonly string[] = [], options: DaemonOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.launch(flags, options);
    await daemon.ready();
    return daemon;
  }

  /** As `start`, for one that is not waited for. */
  static async launch(flags: readonly string[], options: DaemonOptions = {}): Promise<Daemon> {
    const daemon = new Daemon(await mkdtemp('/run/dvt'), flags, options);
    await daemon.#spawn();
    return daemon;
  }

  get pid(): number {
    return this.#pid;
  }

  get state(): string {
    return join(this.dir, 'state');
  }

  get root(): string {
    return join(this.dir, 'root');
  }

  get endpoint(): string {
    return `unix://${join(this.state, 'davit.sock')}`;
  }

  /** Starts it again, perhaps another build, and returns when it is ready. */
  async start(dist = this.#dist): Promise<void> {
    this.#dist = dist;
    await this.#spawn();
    await this.ready();
  }

  async ready(): Promise<void> {
    await eventually('a ready davitd', async () => ((await this.crictl('pods')).code === 0 ? true : undefined));
  }

  async #spawn(): Promise<void> {
    await using log = await open(join(this.dir, 'davitd.log'), 'a');
    const own = ['--listen', this.endpoint, '--root', this.root, '--state', this.state];
    const child = spawn(
      process.execPath,
      ['--disable-sigusr1', join(this.#dist, 'davitd.js'), ...own, ...this.#flags],
      {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: { ...nodeEnv(), ...this.#options.env },
      },
    );
    child.unref();
    this.#pid = child.pid ?? 0;
  }

  async end(signal: 'TERM' | 'KILL'): Promise<void> {
    process.kill(this.#pid, `SIG${signal}`);
    await this.ended();
  }

  /** Returns when its process has ended, however that comes. */
  async ended(): Promise<void> {
    await eventually("davitd's end", async () => ((await isAlive(this.#pid)) ? undefined : true));
  }

  async crictl(...args: readonly string[]): Promise<Ran> {
    return await run('crictl', [...this.#endpoints, ...args], nodeEnv());
  }

  async mustCrictl(...args: readonly string[]): Promise<string> {
    return await must('crictl', [...this.#endpoints, ...args], nodeEnv());
  }

  /** Removes its pods and ends what it started: itself, its pump, a containerd of its own. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.crictl('rmp', '--all', '--force');
    await this.end('TERM');
    for (const pid of await processesOf(this.dir)) process.kill(pid, 'SIGTERM');
    await eventually('the end of all its processes', async () =>
      (await processesOf(this.dir)).length === 0 ? true : undefined,
    );
    await rm(this.dir, { recursive: true });
  }

  get #endpoints(): readonly string[] {
    return [...CRICTL_PATIENCE, '--runtime-endpoint', this.endpoint, '--image-endpoint', this.endpoint];
  }
}

/** Zombies count as ended: nobody may have reaped them yet. */
export async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return status !== '' && !/^State:\s+Z/m.test(status);
}

/** Living processes whose command line names something below a folder. */
export async function processesOf(dir: string): Promise<readonly number[]> {
  const { stdout } = await run('grep', ['-l', '-a', '-s', '--', `${dir}/`, ...(await commandLines())]);
  const pids = [...stdout.matchAll(/\/proc\/(\d+)\/cmdline/g)].map((match) => Number(match[1]));
  const alive = await Promise.all(pids.map((pid) => isAlive(pid)));
  return pids.filter((_pid, index) => alive[index]);
}

async function commandLines(): Promise<readonly string[]> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return processes.map((pid) => `/proc/${pid}/cmdline`);
}
