import { join } from 'node:path';
import { EngineError } from '../../errors.ts';
import type { SandboxId } from '../../ids.ts';
import type { NamespacePaths } from '../../types/index.ts';
import type { ImageOrder } from './protocol.ts';
import type { NamespaceRequest, NamespaceService, PinnedNamespaces } from './namespace-service.ts';
import { checkSysctls } from './sysctls.ts';

/** Namespaces and mounts in memory. `failNext` makes the next call of that verb fail. */
export class FakeNamespaceService implements NamespaceService {
  readonly name = 'namespaces';
  readonly created = new Map<SandboxId, NamespaceRequest>();
  readonly applied: SandboxId[] = [];
  readonly mounts = new Set<string>();
  readonly #failures = new Map<string, Error>();
  readonly #state: string;

  constructor(state = '/fake') {
    this.#state = state;
  }

  failNext(verb: 'create' | 'applySysctls' | 'destroy' | 'mountTmpfs' | 'unmount', error: Error): void {
    this.#failures.set(verb, error);
  }

  async start(): Promise<void> {}

  async close(): Promise<void> {}

  async create(sandboxId: SandboxId, request: NamespaceRequest, signal: AbortSignal): Promise<NamespacePaths> {
    this.#fail('create');
    signal.throwIfAborted();
    checkSysctls(request.sysctls, request);
    if (this.created.has(sandboxId)) throw new EngineError('already-exists', `namespaces of ${sandboxId} exist`);
    this.created.set(sandboxId, request);
    return this.#paths(sandboxId, request);
  }

  async applySysctls(sandboxId: SandboxId): Promise<void> {
    this.#fail('applySysctls');
    this.applied.push(sandboxId);
  }

  async destroy(sandboxId: SandboxId): Promise<void> {
    this.#fail('destroy');
    this.created.delete(sandboxId);
  }

  async list(): Promise<readonly PinnedNamespaces[]> {
    return [...this.created].map(([sandboxId, request]) => ({
      sandboxId,
      namespaces: this.#paths(sandboxId, request),
    }));
  }

  async mountTmpfs(target: string): Promise<void> {
    this.#fail('mountTmpfs');
    this.mounts.add(target);
  }

  async mountImage({ base }: ImageOrder): Promise<void> {
    this.mounts.add(base);
  }

  async bindMount(_source: string, target: string): Promise<void> {
    this.mounts.add(target);
  }

  async unmount(target: string): Promise<void> {
    this.#fail('unmount');
    this.mounts.delete(target);
  }

  #paths(sandboxId: SandboxId, request: NamespaceRequest): NamespacePaths {
    const dir = join(this.#state, 'sandboxes', sandboxId, 'ns');
    return {
      ...(request.network ? { network: join(dir, 'net') } : {}),
      ...(request.ipc ? { ipc: join(dir, 'ipc') } : {}),
      ...(request.uts ? { uts: join(dir, 'uts') } : {}),
      ...(request.user === undefined ? {} : { user: join(dir, 'user') }),
    };
  }

  #fail(verb: string): void {
    const error = this.#failures.get(verb);
    this.#failures.delete(verb);
    if (error !== undefined) throw error;
  }
}
