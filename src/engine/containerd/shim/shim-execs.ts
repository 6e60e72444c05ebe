import type { ShimAddress } from '../../types/index.ts';
import { shimV2Service, shimV3Service } from '../generated/containerd.js';
import type { tasks as api } from '../generated/containerd.js';
import type { ShimCalls } from './shim-calls.ts';

const SERVICES = { 2: shimV2Service, 3: shimV3Service };

/** The task service's calls for further processes of containers, made to a shim itself: one journey less than by containerd. */
export class ShimExecs {
  readonly #calls: ShimCalls;

  constructor(calls: ShimCalls) {
    this.#calls = calls;
  }

  async exec(shim: ShimAddress, request: api.IExecProcessRequest, signal: AbortSignal): Promise<void> {
    await this.#calls.call(shim, SERVICES[shim.version].exec, named(request), signal);
  }

  /** Answers the pid. */
  async start(shim: ShimAddress, request: api.IStartRequest, signal: AbortSignal): Promise<{ readonly pid: number }> {
    return await this.#calls.call(shim, SERVICES[shim.version].start, named(request), signal);
  }

  async wait(
    shim: ShimAddress,
    request: api.IWaitRequest,
    signal: AbortSignal,
  ): Promise<{ readonly exitStatus: number }> {
    return await this.#calls.call(shim, SERVICES[shim.version].wait, named(request), signal);
  }

  async kill(shim: ShimAddress, request: api.IKillRequest, signal: AbortSignal): Promise<void> {
    await this.#calls.call(shim, SERVICES[shim.version].kill, named(request), signal);
  }

  async resizePty(shim: ShimAddress, request: api.IResizePtyRequest, signal: AbortSignal): Promise<void> {
    await this.#calls.call(shim, SERVICES[shim.version].resizePty, named(request), signal);
  }

  async closeIO(shim: ShimAddress, request: api.ICloseIORequest, signal: AbortSignal): Promise<void> {
    await this.#calls.call(shim, SERVICES[shim.version].closeIO, named(request), signal);
  }

  async deleteProcess(shim: ShimAddress, request: api.IDeleteProcessRequest, signal: AbortSignal): Promise<void> {
    await this.#calls.call(shim, SERVICES[shim.version].delete, named(request), signal);
  }
}

/** What containerd calls a container's id is the shim's task's. */
function named<R extends { readonly containerId?: string | null | undefined }>(
  request: R,
): R & { readonly id: string } {
  return { ...request, id: request.containerId ?? '' };
}
