import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { NamespaceKind } from '../../../sys/namespaces.ts';
import { parseMountinfo } from '../../../sys/mountinfo.ts';
import type { ErrorKind } from '../../errors.ts';
import { EngineError, invalidField, withContext } from '../../errors.ts';
import { parseSandboxId } from '../../ids.ts';
import type { SandboxId } from '../../ids.ts';
import type { Logger } from '../../logger.ts';
import { OrderThread } from '../../order-thread.ts';
import type { IdMap, NamespacePaths } from '../../types/index.ts';
import { checkHostname } from './hostname.ts';
import type { NamespaceRequest, NamespaceService, PinnedNamespaces } from './namespace-service.ts';
import type { Failure, ImageOrder, Order, Reply, TmpfsOptions } from './protocol.ts';
import { KINDS } from './protocol.ts';
import { checkSysctls, sysctlField } from './sysctls.ts';
import { holdNamespaces } from './user-namespace.ts';

/** The thread's entry where the sources run as they are; the bundle passes `davit-namespaces.js` instead. */
export const NAMESPACE_WORKER_SOURCE = new URL('./worker.ts', import.meta.url);

export interface NamespaceServiceDeps {
  /** The daemon's state folder. */
  readonly state: string;
  /** Entry file of the worker thread. */
  readonly workerEntry: URL | string;
  /** The native program that makes user namespaces. */
  readonly program: string;
  readonly logger: Logger;
  /** Milliseconds after which one order counts as hung. */
  readonly orderTimeoutMs?: number;
}

/** An order takes about a millisecond; a thread that is this long at one is stuck in the kernel. */
const ORDER_TIMEOUT_MS = 30_000;
/** State folders are passed through by others than root, never listed. */
const STATE_DIR_MODE = 0o711;
const KEY_OF: Readonly<Record<NamespaceKind, 'network' | 'ipc' | 'uts'>> = { net: 'network', ipc: 'ipc', uts: 'uts' };

export function createNamespaceService(deps: NamespaceServiceDeps): NamespaceService {
  return new Namespaces(deps);
}

class Namespaces implements NamespaceService {
  readonly name = 'namespaces';
  readonly #root: string;
  readonly #program: string;
  readonly #thread: OrderThread<Order, Reply>;

  constructor(deps: NamespaceServiceDeps) {
    this.#root = join(deps.state, 'sandboxes');
    this.#program = deps.program;
    this.#thread = new OrderThread({
      entry: deps.workerEntry,
      name: 'davit-namespaces',
      noun: 'namespace thread',
      logger: deps.logger,
      timeoutMs: deps.orderTimeoutMs ?? ORDER_TIMEOUT_MS,
      lostBy: ({ lost }) => (lost ? 'it could not come back from a namespace' : undefined),
    });
  }

  /** Its file system calls bring libuv's thread pool up, all of it, before any thread of ours leaves the node's namespaces. */
  async start(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: STATE_DIR_MODE });
    await stat(this.#root);
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }

  async create(sandboxId: SandboxId, request: NamespaceRequest, signal: AbortSignal): Promise<NamespacePaths> {
    const { hostname } = request;
    const sysctls = checkSysctls(request.sysctls, request);
    if (hostname !== undefined) {
      if (!request.uts) throw invalidField('config.hostname', "the pod has the node's own UTS namespace");
      checkHostname(hostname);
    }
    const kinds = kindsOf(request);
    if (kinds.length === 0) return {};
    signal.throwIfAborted();
    const dir = this.#dir(sandboxId);
    const order = { op: 'create', dir, kinds, sysctls, ...(hostname === undefined ? {} : { hostname }) } as const;
    if (request.user === undefined) await this.#run(`sandbox ${sandboxId}`, order);
    else await this.#createOwned(sandboxId, order, request.user, signal);
    if (signal.aborted) {
      await this.destroy(sandboxId);
      signal.throwIfAborted();
    }
    return { ...pathsIn(dir, kinds), ...(request.user === undefined ? {} : { user: join(dir, 'user') }) };
  }

  async #createOwned(
    sandboxId: SandboxId,
    order: Extract<Order, { readonly op: 'create' }>,
    user: IdMap,
    signal: AbortSignal,
  ): Promise<void> {
    if (!order.kinds.includes('ipc')) {
      throw new EngineError('invalid-argument', "a user namespace of its own needs a pod's own ipc");
    }
    await using holder = await holdNamespaces(this.#program, user, signal);
    await this.#run(`sandbox ${sandboxId}`, { ...order, holder: { pid: holder.pid, owner: user.hostId } });
  }

  async applySysctls(
    sandboxId: SandboxId,
    request: Omit<NamespaceRequest, 'hostname'>,
    signal: AbortSignal,
  ): Promise<void> {
    const sysctls = checkSysctls(request.sysctls, request);
    signal.throwIfAborted();
    if (sysctls.length === 0) return;
    await this.#run(`sandbox ${sandboxId}`, {
      op: 'sysctls',
      dir: this.#dir(sandboxId),
      sysctls,
      ...(request.user === undefined ? {} : { owner: request.user.hostId }),
    });
  }

  async destroy(sandboxId: SandboxId): Promise<void> {
    await this.#run(`sandbox ${sandboxId}`, { op: 'destroy', dir: this.#dir(sandboxId) });
  }

  async list(): Promise<readonly PinnedNamespaces[]> {
    // The kernel shows paths without symlinks (/var/run is one on many machines).
    const root = await realpath(this.#root);
    const pinned = new Map<SandboxId, NamespaceKind[]>();
    for (const { fsType, mountPoint } of parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'))) {
      if (fsType !== 'nsfs' || !mountPoint.startsWith(`${root}/`)) continue;
      const [id, folder, name, ...more] = mountPoint.slice(root.length + 1).split('/');
      const kind = KINDS.find((kind) => kind === name);
      const sandboxId = idOf(id);
      if (sandboxId === undefined || folder !== 'ns' || kind === undefined || more.length > 0) continue;
      pinned.set(sandboxId, [...(pinned.get(sandboxId) ?? []), kind]);
    }
    return [...pinned].map(([sandboxId, kinds]) => ({ sandboxId, namespaces: pathsIn(this.#dir(sandboxId), kinds) }));
  }

  async mountTmpfs(target: string, options: TmpfsOptions): Promise<void> {
    await this.#run(target, { op: 'tmpfs', target, options });
  }

  async bindMount(source: string, target: string): Promise<void> {
    await this.#run(target, { op: 'bind', source, target });
  }

  async mountImage(order: ImageOrder): Promise<void> {
    await this.#run(order.base, { op: 'image', ...order });
  }

  async unmount(target: string): Promise<void> {
    await this.#run(target, { op: 'unmount', target });
  }

  #dir(sandboxId: SandboxId): string {
    return join(this.#root, sandboxId, 'ns');
  }

  async #run(object: string, order: Order): Promise<void> {
    const { failure } = await this.#thread.run(order).catch((error: unknown) => {
      throw withContext(error, `namespaces of ${object}: ${order.op}`);
    });
    if (failure !== undefined) throw translate(object, failure);
  }
}

function kindsOf(request: NamespaceRequest): readonly NamespaceKind[] {
  return KINDS.filter((kind) => request[KEY_OF[kind]]);
}

function pathsIn(dir: string, kinds: readonly NamespaceKind[]): NamespacePaths {
  return Object.fromEntries(kinds.map((kind) => [KEY_OF[kind], join(dir, kind)]));
}

function idOf(name: string | undefined): SandboxId | undefined {
  try {
    return parseSandboxId(name ?? '', 'folder name');
  } catch {
    return undefined; // not a sandbox's folder, so nothing of ours
  }
}

function translate(object: string, { step, message, code, sysctl }: Failure): EngineError {
  if (sysctl !== undefined && code === 'ENOENT')
    return invalidField(sysctlField(sysctl), 'this kernel does not have it');
  if (sysctl !== undefined && (code === 'EINVAL' || code === 'ERANGE' || code === 'EISDIR')) {
    return invalidField(sysctlField(sysctl), `the kernel refuses the value: ${message}`);
  }
  return new EngineError(kindOfCode(code), `namespaces of ${object}: ${step}: ${message}`);
}

function kindOfCode(code: string | undefined): ErrorKind {
  switch (code) {
    case 'ENOENT':
      return 'not-found';
    case 'EEXIST':
      return 'already-exists';
    case 'EPERM':
    case 'EACCES':
    case 'EROFS':
      return 'permission-denied';
    case 'ENOSPC':
    case 'ENOMEM':
    case 'EMFILE':
    case 'ENFILE':
      return 'resource-exhausted';
    case undefined:
    default:
      return 'internal';
  }
}
