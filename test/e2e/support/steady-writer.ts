import { createReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CriClient } from './cri-client.ts';
import { BUSYBOX, eventually } from './node.ts';

/** Bytes a second. */
const RATE = 5_000_000;
const LINES_AT_ONCE = 100;
const PAD_BYTES = 900;
const PREFIX = /^(\S+) stdout F (\d+) ([\d.]+) (x+)\r?$/;

/** What a log says of the writer. Times are in milliseconds. */
export interface Written {
  readonly lines: number;
  /** The first line whose number does not follow from the one before. */
  readonly firstWrong: string | undefined;
  /** Longest time between two of the container's own stamps. */
  readonly longestPauseMs: number;
  /** Longest time between two of the log's stamps in the span that was asked for. */
  readonly longestLogPauseMs: number;
  /** What it printed as its last line: how many it has written. */
  readonly last: number;
}

/**
 * A pod with a container that writes numbered lines at a steady rate, each with its own clock's time; and one that does
 * nothing but look at the clock, to tell a blocked writer from a machine that is too busy.
 */
export class SteadyWriter {
  readonly #cri: CriClient;
  readonly #dir: string;
  readonly #name: string;
  readonly id: string;
  readonly podId: string;

  private constructor(cri: CriClient, dir: string, name: string, ids: { readonly id: string; readonly podId: string }) {
    this.#cri = cri;
    this.#dir = dir;
    this.#name = name;
    this.id = ids.id;
    this.podId = ids.podId;
  }

  /** `dir` gets its logs, and what it is told by. */
  static async start(cri: CriClient, dir: string, options: { name: string; tty?: boolean }): Promise<SteadyWriter> {
    const { name, tty = false } = options;
    const control = join(dir, `${name}-control`);
    await mkdir(control, { recursive: true });
    const linux = { securityContext: { namespaceOptions: { network: 'NODE' } } };
    const sandboxConfig = { logDirectory: join(dir, 'logs'), linux };
    const podId = await cri.runPod(name, sandboxConfig);
    const start = async (container: string, script: string): Promise<string> => {
      const config = {
        metadata: { name: container },
        image: { image: BUSYBOX },
        command: ['awk', script],
        logPath: `${name}-${container}.log`,
        mounts: [{ hostPath: control, containerPath: '/control' }],
        tty: tty && container === 'writer',
        linux,
      };
      const request = { podSandboxId: podId, config, sandboxConfig };
      const { containerId } = await cri.call<{ containerId: string }>('CreateContainer', request);
      await cri.startContainer(containerId);
      return containerId;
    };
    await start('clock', CLOCK);
    const writer = new SteadyWriter(cri, dir, name, { podId, id: await start('writer', WRITER) });
    await eventually('the first lines', async () => ((await writer.size()) > RATE / 2 ? true : undefined));
    return writer;
  }

  get logPath(): string {
    return join(this.#dir, 'logs', `${this.#name}-writer.log`);
  }

  async size(): Promise<number> {
    return (await readFile(this.logPath).catch(() => Buffer.alloc(0))).length;
  }

  /** Lets the writer come to its end, and reads what all logs say of it; pauses of the logs are those from `from` to `to`. */
  async finish(from: number, to: number, logs: readonly string[] = []): Promise<Written> {
    await writeFile(join(this.#dir, `${this.#name}-control`, 'stop'), '');
    await this.#cri.exited(this.id);
    return await readLogs([...logs, this.logPath], from, to);
  }

  /** Longest time that the machine kept the clock waiting. */
  async machinePauseMs(): Promise<number> {
    const text = await readFile(join(this.#dir, `${this.#name}-control`, 'pause'), 'utf8');
    return Math.max(...text.trim().split('\n').map(Number)) * 1000;
  }
}

const NOW = 'getline up < "/proc/uptime"; close("/proc/uptime"); split(up, part, " "); now = part[1]';

const CLOCK = `BEGIN {
  for (;;) {
    ${NOW}
    if (before && now - before > most) { most = now - before; print most > "/control/pause"; fflush() }
    before = now
    system("usleep 50000")
  }
}`;

const WRITER = `BEGIN {
  pad = sprintf("%${PAD_BYTES}s", ""); gsub(/ /, "x", pad)
  for (;;) {
    ${NOW}
    if (!start) start = now
    if (written > (now - start) * ${RATE}) {
      if (system("test -e /control/stop") == 0) { print "end " n; exit }
      system("usleep 20000")
      continue
    }
    for (i = 0; i < ${LINES_AT_ONCE}; i++) print ++n " " now " " pad
    fflush()
    written += ${LINES_AT_ONCE * (PAD_BYTES + 16)}
  }
}`;

async function readLogs(paths: readonly string[], from: number, to: number): Promise<Written> {
  let lines = 0;
  let last = -1;
  let firstWrong: string | undefined;
  let stamp: number | undefined;
  let logStamp = from;
  let longestPauseMs = 0;
  let longestLogPauseMs = 0;
  for (const path of paths) {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      const match = PREFIX.exec(line);
      const [, time = '', number = '', own = '', pad = ''] = match ?? [];
      const end = / stdout F end (\d+)\r?$/.exec(line);
      if (end !== null) last = Number(end[1]);
      else if (match === null || Number(number) !== lines + 1 || pad.length !== PAD_BYTES) firstWrong ??= line;
      if (match === null) continue;
      lines++;
      const at = Date.parse(time);
      if (at >= from && at <= to) {
        longestLogPauseMs = Math.max(longestLogPauseMs, at - logStamp);
        logStamp = at;
      }
      longestPauseMs = Math.max(longestPauseMs, (Number(own) - (stamp ?? Number(own))) * 1000);
      stamp = Number(own);
    }
  }
  return { lines, firstWrong, longestPauseMs, longestLogPauseMs: Math.max(longestLogPauseMs, to - logStamp), last };
}
