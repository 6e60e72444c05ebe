import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { must, run } from './run.ts';
import type { Ran } from './run.ts';

const HACK_NODE = fileURLToPath(new URL('../../../hack/node', import.meta.url));

/** The image of most tests: a shell, sleep, nc, httpd, wget, ps. */
export const BUSYBOX = 'registry.k8s.io/e2e-test-images/busybox:1.29-2';

/** crictl's own two seconds for a call are few on a busy machine. Another `--timeout` after it wins. */
export const CRICTL_PATIENCE = ['--timeout', '60s'] as const;

export function nodeEnv(): NodeJS.ProcessEnv {
  const env = inject('nodeEnv');
  return { ...process.env, ...env, PATH: (env['PATH'] ?? '').replace('$PATH', process.env['PATH'] ?? '') };
}

/** The real crictl against the node's davitd. */
export async function crictl(...args: readonly string[]): Promise<Ran> {
  return await run('crictl', [...CRICTL_PATIENCE, ...args], nodeEnv());
}

/** As `crictl`, for what must succeed. */
export async function mustCrictl(...args: readonly string[]): Promise<string> {
  return await must('crictl', [...CRICTL_PATIENCE, ...args], nodeEnv());
}

export async function crictlJson<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await mustCrictl(...args)) as T;
}

/** `ctr` on the node's containerd, in davit's namespace. */
export async function ctr(...args: readonly string[]): Promise<string> {
  return await must('ctr', args, nodeEnv());
}

/** The process of the node's davitd. */
export async function davitdPid(): Promise<number> {
  const [pid] = (await readFile(`/run/davit-${nodeEnv()['DAVIT_NODE']}/davitd.pid`, 'utf8')).split(' ');
  return Number(pid);
}

/** Ends davitd alone, waits, and starts it again. */
export async function restartDavitd(options: { kill: boolean; pauseSeconds?: number }): Promise<void> {
  const args = ['restart', ...(options.kill ? ['--kill'] : []), '--pause', String(options.pauseSeconds ?? 0)];
  await must(HACK_NODE, args, nodeEnv());
}

/** Polls until `check` gives something; the error tells what never came. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined>, withinMs = 30_000): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const found = await check();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export interface PodOptions {
  readonly [field: string]: unknown;
}

export interface ContainerOptions {
  readonly command?: readonly string[];
  readonly [field: string]: unknown;
}

interface ContainerStatus {
  readonly state: string;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly logPath: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** A pod made with crictl; disposal removes it and its log folder. */
export class Pod implements AsyncDisposable {
  readonly id: string;
  readonly name: string;
  readonly dir: string;
  readonly #config: string;
  #containers = 0;

  private constructor(id: string, name: string, dir: string, config: string) {
    this.id = id;
    this.name = name;
    this.dir = dir;
    this.#config = config;
  }

  static async run(name: string, options: PodOptions = {}, handler = ''): Promise<Pod> {
    const dir = await mkdtemp(join(tmpdir(), 'davit-pod-'));
    const config = join(dir, 'pod.json');
    const pod = {
      metadata: { name, uid: `uid-${name}-${Date.now()}`, namespace: 'default', attempt: 0 },
      log_directory: join(dir, 'logs'),
      linux: {},
      ...options,
    };
    await writeFile(config, JSON.stringify(pod));
    try {
      const id = await mustCrictl('runp', ...(handler === '' ? [] : ['--runtime', handler]), config);
      return new Pod(id, name, dir, config);
    } catch (error) {
      await rm(dir, { recursive: true });
      throw error;
    }
  }

  /** Creates a container; the image must be on the node. */
  async create(name: string, options: ContainerOptions = {}): Promise<string> {
    this.#containers += 1;
    const file = join(this.dir, `container-${this.#containers}.json`);
    const container = {
      metadata: { name, attempt: 0 },
      image: { image: BUSYBOX },
      command: ['sleep', '1000'],
      log_path: `${name}.log`,
      linux: {},
      ...options,
    };
    await writeFile(file, JSON.stringify(container));
    return await mustCrictl('create', this.id, file, this.#config);
  }

  async start(name: string, options: ContainerOptions = {}): Promise<string> {
    const id = await this.create(name, options);
    await mustCrictl('start', id);
    return id;
  }

  async ip(): Promise<string> {
    const { status } = await crictlJson<{ status: { network: { ip: string } } }>('inspectp', this.id);
    return status.network.ip;
  }

  /** The lines of a container's log, as the kubelet would read them. */
  async log(name: string): Promise<readonly LogLine[]> {
    return parseLog(await readFile(join(this.dir, 'logs', `${name}.log`), 'utf8'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await mustCrictl('rmp', '-f', this.id);
    await rm(this.dir, { recursive: true });
  }
}

export async function containerStatus(id: string): Promise<ContainerStatus> {
  return (await crictlJson<{ status: ContainerStatus }>('inspect', id)).status;
}

export async function exited(id: string): Promise<ContainerStatus> {
  return await eventually(`exit of ${id}`, async () => {
    const status = await containerStatus(id);
    return status.state === 'CONTAINER_EXITED' ? status : undefined;
  });
}

export interface LogLine {
  readonly time: string;
  readonly stream: string;
  readonly tag: string;
  readonly text: string;
}

export function parseLog(text: string): readonly LogLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([PF]) (.*)$/.exec(
        line,
      );
      if (match === null) throw new Error(`not a line of the CRI log format: ${JSON.stringify(line.slice(0, 200))}`);
      const [, time = '', stream = '', tag = '', rest = ''] = match;
      return { time, stream, tag, text: rest };
    });
}

/** The process that a running container began with. */
export async function pidOf(id: string): Promise<number> {
  return (await crictlJson<{ info: { pid: number } }>('inspect', id)).info.pid;
}
