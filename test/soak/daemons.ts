import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync, openSync, closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A daemon of the node, as hack/lib/daemon.sh keeps it: its pid file holds the pid and the process's start time. */
export class NodeDaemon {
  readonly name: string;
  readonly #pidFile: string;
  readonly #log: string;
  /** What started it, so that it can be started again in the same way. */
  readonly #command: readonly string[];
  readonly #env: NodeJS.ProcessEnv;

  /** It must run. */
  constructor(name: string, pidFile: string, log: string) {
    this.name = name;
    this.#pidFile = pidFile;
    this.#log = log;
    this.#command = words(`/proc/${this.pid}/cmdline`);
    this.#env = Object.fromEntries(
      words(`/proc/${this.pid}/environ`).map((word): [string, string] => {
        const at = word.indexOf('=');
        return [word.slice(0, at), word.slice(at + 1)];
      }),
    );
  }

  get pid(): number {
    return Number(readFileSync(this.#pidFile, 'utf8').split(' ')[0]);
  }

  async kill(): Promise<void> {
    const { pid } = this;
    process.kill(pid, 'SIGKILL');
    while (isAlive(pid)) await sleep(POLL_INTERVAL_MS);
    rmSync(this.#pidFile);
  }

  start(): void {
    const [file = '', ...args] = this.#command;
    const log = openSync(this.#log, 'a');
    try {
      const child = spawn(file, args, { detached: true, stdio: ['ignore', log, log], env: this.#env });
      child.unref();
      writeFileSync(`${this.#pidFile}.new`, `${child.pid} ${startTime(child.pid ?? 0)}\n`);
      renameSync(`${this.#pidFile}.new`, this.#pidFile);
    } finally {
      closeSync(log);
    }
  }
}

const POLL_INTERVAL_MS = 10;
/** Of /proc/PID/stat, counted from what follows the command's name. */
const START_TIME_FIELD = 19;
const RSS_FIELD = 21;
const PAGE_BYTES = 4096;

/** Zombies count as ended: nobody may have reaped them yet. */
export function isAlive(pid: number): boolean {
  const [state] = statOf(pid);
  return state !== undefined && state !== 'Z';
}

export interface Usage {
  readonly pid: number;
  readonly rssMiB: number;
  readonly fds: number;
}

export function usageOf(pid: number): Usage {
  const rssMiB = Math.round((Number(statOf(pid)[RSS_FIELD]) * PAGE_BYTES) / 1024 / 1024);
  return { pid, rssMiB, fds: readdirSync(`/proc/${pid}/fd`).length };
}

function startTime(pid: number): string {
  return statOf(pid)[START_TIME_FIELD] ?? '';
}

function statOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function words(path: string): readonly string[] {
  return readFileSync(path, 'utf8').split('\0').slice(0, -1);
}
