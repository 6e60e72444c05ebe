import type { tasks as api } from '../containerd/generated/containerd.js';
import { isKind } from '../errors.ts';
import type { ShimAddress } from '../types/index.ts';
import type { CallOptions, TasksClient } from './processes.ts';

/** The same calls, of a shim. */
export type ShimClient = {
  readonly [Name in keyof TasksClient]: (
    shim: ShimAddress,
    request: Parameters<TasksClient[Name]>[0],
    signal: AbortSignal,
  ) => ReturnType<TasksClient[Name]>;
};

export interface DirectTasksDeps {
  readonly shims: ShimClient;
  /** Where a container's shim listens; undefined where that is not known, or it speaks something else. */
  readonly shimOf: (containerId: string) => ShimAddress | undefined;
  /** Asked where there is no shim to ask. */
  readonly containerd: TasksClient;
}

/**
 * Asks shims themselves, which is faster and works while containerd is away: that keeps nothing of further processes, and
 * only passes the calls on.
 */
export class DirectTasks implements TasksClient {
  readonly #deps: DirectTasksDeps;

  constructor(deps: DirectTasksDeps) {
    this.#deps = deps;
  }

  async exec(request: api.IExecProcessRequest, options: CallOptions): Promise<unknown> {
    const { shims, containerd } = this.#deps;
    const direct = (shim: ShimAddress): Promise<unknown> => shims.exec(shim, request, options.signal);
    return await this.#ask(request, options, direct, () => containerd.exec(request, options));
  }

  async start(request: api.IStartRequest, options: CallOptions): Promise<{ readonly pid: number }> {
    const { shims, containerd } = this.#deps;
    const direct = (shim: ShimAddress): Promise<{ readonly pid: number }> => shims.start(shim, request, options.signal);
    return await this.#ask(request, options, direct, () => containerd.start(request, options));
  }

  async wait(request: api.IWaitRequest, options: CallOptions): Promise<{ readonly exitStatus: number }> {
    const { shims, containerd } = this.#deps;
    const direct = (shim: ShimAddress): Promise<{ readonly exitStatus: number }> =>
      shims.wait(shim, request, options.signal);
    return await this.#ask(request, options, direct, () => containerd.wait(request, options));
  }

  async kill(request: api.IKillRequest, options: CallOptions): Promise<unknown> {
    const { shims, containerd } = this.#deps;
    const direct = (shim: ShimAddress): Promise<unknown> => shims.kill(shim, request, options.signal);
    return await this.#ask(request, options, direct, () => containerd.kill(request, options));
  }

  async resizePty(request: api.IResizePtyRequest, options: CallOptions): Promise<unknown> {
    const { shims, containerd } = this.#deps;
    const direct = (shim: ShimAddress): Promise<unknown> => shims.resizePty(shim, request, options.signal);
    return await this.#ask(request, options, direct, () => containerd.resizePty(request, options));
  }

  async closeIO(request: api.ICloseIORequest, options: CallOptions): Promise<unknown> {
    const { shims, containerd } = this.#deps;
    const direct = (shim: ShimAddress): Promise<unknown> => shims.closeIO(shim, request, options.signal);
    return await this.#ask(request, options, direct, () => containerd.closeIO(request, options));
  }

  async deleteProcess(request: api.IDeleteProcessRequest, options: CallOptions): Promise<unknown> {
    const { shims, containerd } = this.#deps;
    const direct = (shim: ShimAddress): Promise<unknown> => shims.deleteProcess(shim, request, options.signal);
    return await this.#ask(request, options, direct, () => containerd.deleteProcess(request, options));
  }

  async #ask<T>(
    { containerId }: { readonly containerId?: string | null | undefined },
    { signal }: CallOptions,
    direct: (shim: ShimAddress) => Promise<T>,
    byContainerd: () => Promise<T>,
  ): Promise<T> {
    const shim = this.#deps.shimOf(containerId ?? '');
    if (shim === undefined) return await byContainerd();
    try {
      return await direct(shim);
    } catch (error) {
      if (!isKind(error, 'unavailable') || signal.aborted) throw error;
      return await byContainerd(); // the shim is gone: containerd, which cleans up behind it, knows what that means
    }
  }
}
