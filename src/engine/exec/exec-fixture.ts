import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { startContainerd } from '../../../test/integration/containerd.ts';
import type { TestContainerd } from '../../../test/integration/containerd.ts';
import { createShims, ShimCalls, ShimExecs } from '../containerd/index.ts';
import { Channel } from '../containerd/channel.ts';
import { createClients } from '../containerd/clients.ts';
import type { Clients } from '../containerd/clients.ts';
import { ensureNamespace } from '../containerd/namespace.ts';
import { isKind } from '../errors.ts';
import { readHostFacts } from '../host/index.ts';
import type { Logger } from '../logger.ts';
import { createCgroupService } from '../runtime/cgroup/index.ts';
import type { CgroupService } from '../runtime/cgroup/index.ts';
import { ContainerdObjects } from '../runtime/container-objects.ts';
import type { ShimAddress } from '../types/index.ts';
import { createExecService, DirectTasks, ShimProcesses } from './index.ts';
import type { ExecOutput, ExecRequest, ExecService, ExecSession, ExecTarget } from './index.ts';

const NAMESPACE = 'exec';
/** Of this process: another's tests may run beside it. */
const PARENT = `/davit-exec-test-${process.pid}`;
const POLL_MS = 20;
const PATIENCE_MS = 20_000;

/** A containerd with one running container, of this machine's programs, and an exec service on it. */
export class ExecFixture implements AsyncDisposable {
  readonly containerd: TestContainerd;
  readonly target: ExecTarget;
  readonly clients: Clients;
  readonly cgroups: CgroupService;
  readonly warnings: string[] = [];
  service: ExecService;
  readonly #channel: Channel;

  private constructor(parts: {
    containerd: TestContainerd;
    channel: Channel;
    clients: Clients;
    target: ExecTarget;
    cgroups: CgroupService;
  }) {
    this.containerd = parts.containerd;
    this.#channel = parts.channel;
    this.clients = parts.clients;
    this.target = parts.target;
    this.cgroups = parts.cgroups;
    this.service = this.createService();
  }

  static async start(): Promise<ExecFixture> {
    const containerd = await startContainerd();
    const channel = new Channel(containerd.address);
    channel.open();
    await channel.waitForReady(AbortSignal.timeout(PATIENCE_MS));
    const clients = createClients({
      address: containerd.address,
      namespace: NAMESPACE,
      admission: () => undefined,
      grpc: () => channel.grpc,
    });
    await ensureNamespace(clients, NAMESPACE, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const cgroups = createCgroupService({ layout: (await readHostFacts()).cgroup, driver: 'cgroupfs' });
    const target = await runContainer(clients, containerd.dir);
    const fixture = new ExecFixture({ containerd, channel, clients, target, cgroups });
    await fixture.service.start(AbortSignal.timeout(PATIENCE_MS));
    return fixture;
  }

  get folder(): string {
    return join(this.containerd.dir, 'exec');
  }

  /** Another davitd on the same state folder. */
  createService(): ExecService {
    const warn = (fields: object, message: string): void =>
      void this.warnings.push(`${message} ${JSON.stringify(fields)}`);
    const logger: Logger = { debug: () => undefined, info: () => undefined, warn, error: warn };
    return createExecService({
      state: this.containerd.dir,
      processes: new ShimProcesses(this.#directTasks()),
      specs: new ContainerdObjects(this.clients.containers, '/fixture'),
      cgroups: this.cgroups,
      reachable: (signal) => this.#channel.waitForReady(signal),
      logger,
    });
  }

  /** What davitd uses: the shim, or containerd where that is gone. */
  #directTasks(): DirectTasks {
    const calls = new ShimCalls(NAMESPACE);
    const shim = createShims(calls).find(this.target.pid, this.target.id);
    if (shim === undefined) throw new Error('the container has no shim that can be asked');
    const shimOf = (id: string): ShimAddress | undefined => (id === this.target.id ? shim : undefined);
    return new DirectTasks({ shims: new ShimExecs(calls), shimOf, containerd: this.clients.tasks });
  }

  async open(script: string, more: Partial<ExecRequest> = {}): Promise<ExecSession> {
    return await this.service.open(this.target, execRequest(['sh', '-c', script], more), NEVER);
  }

  /** SIGKILL to containerd; the answer starts it again and waits until calls reach it. */
  async killContainerd(): Promise<() => Promise<void>> {
    await this.containerd.kill();
    return async () => {
      await this.containerd.start();
      await this.#channel.waitForReady(AbortSignal.timeout(PATIENCE_MS));
    };
  }

  /** Runs a script to its end. */
  async run(script: string, more: Partial<ExecRequest> = {}): Promise<Ran> {
    await using session = await this.open(script, more);
    const [stdout, stderr] = await Promise.all([read(session.stdout), read(session.stderr)]);
    return { stdout, stderr, exitCode: (await session.exit).exitCode };
  }

  /** What an exec could leave behind: FIFOs, open descriptors, containerd's records, cgroups; a line each. */
  async leftovers(): Promise<readonly string[]> {
    const { processes } = await this.clients.tasks.listPids({ containerId: this.target.id }, { signal: NEVER });
    const dirs = readdirSync('/sys/fs/cgroup').map((tree) => join('/sys/fs/cgroup', tree, this.target.cgroupPath));
    return [
      ...readdirSync(this.folder).map((name) => `folder ${name}`),
      ...openFifos(this.folder).map((path) => `descriptor ${path}`),
      ...processes.filter(({ info }) => info !== null).map(({ pid }) => `record of ${pid}`),
      ...dirs.flatMap((dir) => execCgroups(dir)).map((name) => `cgroup ${name}`),
    ];
  }

  /** Command lines of the container's living processes, but for its first. */
  async commands(): Promise<readonly string[]> {
    const pids = await this.cgroups.processes(this.target.cgroupPath);
    return pids.filter((pid) => pid !== this.target.pid).map((pid) => commandLine(pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service.close();
    const { id, cgroupPath } = this.target;
    const options = { signal: AbortSignal.timeout(PATIENCE_MS) };
    try {
      await this.clients.tasks.kill({ containerId: id, signal: 9, all: true }, options);
      await this.clients.tasks.wait({ containerId: id }, options);
      await this.clients.tasks.delete({ containerId: id }, options);
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error; // the test has ended it
    }
    await this.cgroups.remove(cgroupPath);
    await this.cgroups.remove(PARENT);
    this.#channel.close();
    await this.containerd[Symbol.asyncDispose]();
  }
}

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export const NEVER = new AbortController().signal;

export function execRequest(cmd: readonly string[], more: Partial<ExecRequest> = {}): ExecRequest {
  const stream: ExecOutput = 'stream';
  return { cmd, tty: false, stdin: false, stdout: stream, stderr: stream, ...more };
}

/** All of a stream; '' where there is none. */
export async function read(stream: Readable | undefined): Promise<string> {
  return stream === undefined ? '' : await text(stream);
}

/** Polls until `check` holds; the error shows what it was instead. */
export async function eventually<T>(check: () => Promise<T> | T, holds: (value: T) => boolean): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; ; await delay(POLL_MS)) {
    const value = await check();
    if (holds(value)) return value;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(value)} after ${PATIENCE_MS / 1000} s`);
  }
}

async function runContainer(clients: Clients, dir: string): Promise<ExecTarget> {
  const id = randomBytes(32).toString('hex');
  const cgroupPath = `${PARENT}/${id}`;
  const root = join(dir, 'rootfs');
  for (const name of ['usr', 'proc', 'dev', 'tmp']) mkdirSync(join(root, name), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  const options = { signal: AbortSignal.timeout(PATIENCE_MS) };
  await clients.containers.create(
    {
      container: {
        id,
        runtime: { name: 'io.containerd.runc.v2' },
        spec: { typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Spec', value: specOf(cgroupPath) },
      },
    },
    options,
  );
  const rootfs = [{ type: 'bind', source: root, target: '', options: ['rbind', 'rw'] }];
  const { pid } = await clients.tasks.create({ containerId: id, rootfs }, options);
  await clients.tasks.start({ containerId: id }, options);
  return { id, cgroupPath, pid, cpuAffinity: 'all' };
}

function specOf(cgroupsPath: string): Buffer {
  const all = ['CAP_KILL', 'CAP_SETUID', 'CAP_SETGID', 'CAP_CHOWN'];
  const spec = {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 1234, gid: 2345, additionalGids: [3456] },
      args: ['sleep', '100000'],
      env: ['PATH=/usr/bin:/bin', 'COLOR=green'],
      cwd: '/tmp',
      capabilities: { bounding: all, permitted: [], effective: [] },
      noNewPrivileges: true,
      oomScoreAdj: 900,
    },
    root: { path: 'rootfs', readonly: false },
    mounts: [
      { destination: '/usr', type: 'bind', source: '/usr', options: ['rbind', 'ro'] },
      { destination: '/proc', type: 'proc', source: 'proc', options: [] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['mode=755'] },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] },
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1777'] },
    ],
    linux: { cgroupsPath, namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })) },
  };
  return Buffer.from(JSON.stringify(spec));
}

/** FIFOs below the folder that this process has open. */
function openFifos(folder: string): readonly string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => linkOf(`/proc/self/fd/${fd}`))
    .filter((path) => path.startsWith(`${folder}/`));
}

function execCgroups(dir: string): readonly string[] {
  try {
    return readdirSync(dir).filter((name) => name.startsWith('davit-exec-'));
  } catch {
    return []; // not a tree with this cgroup
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
