import type { tasks as api } from '../containerd/generated/containerd.js';
import { isKind } from '../errors.ts';
import type { ExecIds } from './exec-id.ts';
import type { TerminalSize } from './exec-types.ts';

export interface CallOptions {
  readonly signal: AbortSignal;
}

/** The calls of containerd's task service that are used here, whoever answers them. */
export interface TasksClient {
  exec(request: api.IExecProcessRequest, options: CallOptions): Promise<unknown>;
  start(request: api.IStartRequest, options: CallOptions): Promise<{ readonly pid: number }>;
  wait(request: api.IWaitRequest, options: CallOptions): Promise<{ readonly exitStatus: number }>;
  kill(request: api.IKillRequest, options: CallOptions): Promise<unknown>;
  resizePty(request: api.IResizePtyRequest, options: CallOptions): Promise<unknown>;
  closeIO(request: api.ICloseIORequest, options: CallOptions): Promise<unknown>;
  deleteProcess(request: api.IDeleteProcessRequest, options: CallOptions): Promise<unknown>;
}

/** Paths of the FIFOs. The shim wants both outputs, but of a terminal. */
export interface ExecIo {
  readonly stdin?: string;
  readonly stdout: string;
  readonly stderr?: string;
}

/** Further processes of containers, as containerd and the shims keep them. */
export interface ExecProcesses {
  /** Makes the record of a process; nothing runs yet. `spec` is an OCI process as JSON. */
  create(ids: ExecIds, process: { spec: string; tty: boolean; io: ExecIo }, signal: AbortSignal): Promise<void>;
  /** Runs it; returns its pid, which means something on this node only where the runtime has processes here. */
  start(ids: ExecIds, signal: AbortSignal): Promise<number>;
  /** Resolves with the exit code, at once for one that has ended. not-found when there is no such process. */
  wait(ids: ExecIds, signal: AbortSignal): Promise<number>;
  /** SIGKILL; success where nothing is left to kill. */
  kill(ids: ExecIds, signal: AbortSignal): Promise<void>;
  resize(ids: ExecIds, size: TerminalSize, signal: AbortSignal): Promise<void>;
  /** Lets go of the shim's own writer of stdin. */
  closeStdin(ids: ExecIds, signal: AbortSignal): Promise<void>;
  /** Deletes the record of an ended process; success where there is none. failed-precondition while it runs. */
  delete(ids: ExecIds, signal: AbortSignal): Promise<void>;
}

/** The type URL by which containerd and its shims know an OCI process. */
const PROCESS_TYPE_URL = 'types.containerd.io/opencontainers/runtime-spec/1/Process';
const SIGKILL = 9;

export class ShimProcesses implements ExecProcesses {
  readonly #client: TasksClient;

  constructor(client: TasksClient) {
    this.#client = client;
  }

  async create(ids: ExecIds, process: { spec: string; tty: boolean; io: ExecIo }, signal: AbortSignal): Promise<void> {
    const { io, tty, spec } = process;
    await this.#client.exec(
      {
        ...ids,
        terminal: tty,
        stdin: io.stdin ?? '',
        stdout: io.stdout,
        stderr: io.stderr ?? '',
        spec: { typeUrl: PROCESS_TYPE_URL, value: Buffer.from(spec) },
      },
      { signal },
    );
  }

  async start(ids: ExecIds, signal: AbortSignal): Promise<number> {
    return (await this.#client.start({ ...ids }, { signal })).pid;
  }

  async wait(ids: ExecIds, signal: AbortSignal): Promise<number> {
    return (await this.#client.wait({ ...ids }, { signal })).exitStatus;
  }

  async kill(ids: ExecIds, signal: AbortSignal): Promise<void> {
    await unlessGone(this.#client.kill({ ...ids, signal: SIGKILL, all: false }, { signal }));
  }

  async resize(ids: ExecIds, { width, height }: TerminalSize, signal: AbortSignal): Promise<void> {
    await unlessGone(this.#client.resizePty({ ...ids, width, height }, { signal }));
  }

  async closeStdin(ids: ExecIds, signal: AbortSignal): Promise<void> {
    await unlessGone(this.#client.closeIO({ ...ids, stdin: true }, { signal }));
  }

  async delete(ids: ExecIds, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.deleteProcess({ ...ids }, { signal });
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error;
    }
  }
}

async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isKind(error, 'not-found') && !isKind(error, 'failed-precondition')) throw error;
  }
}
