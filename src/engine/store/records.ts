import { parseContainerId, parseSandboxId } from '../ids.ts';
import type { Container, ContainerState, Sandbox, SandboxState, ShimAddress } from '../types/index.ts';

/** Raised when a record's meaning changes; every older version must stay readable in `decode…`. */
export const RECORD_VERSION = 1;

/** What the store keeps of a sandbox beyond what callers see. */
export interface SandboxRecord extends Sandbox {
  /** Hash of the request it was made from. */
  readonly configHash: string;
  /** The handler's name after the default was filled in. */
  readonly handlerName: string;
  /** Absolute cgroup path that the pod's containers live under. */
  readonly cgroupParent: string;
  /** Set when the network was asked for: a DEL is owed. */
  readonly networkRequested: boolean;
  /** Has a pause process for those who look for pods in containerd; the pod itself does without it. */
  readonly extraPause?: true;
  /** Its shim has a task for the pod itself, called as the pod is; the pod is not without it. */
  readonly shimTask?: true;
  /** Of the root of that task, called as the pod is; absent: it has none of its own. */
  readonly snapshotter?: string;
  /** Keeps the pod's files from other pods; absent where SELinux is off. */
  readonly selinuxLevel?: string;
  /** Looks after the pause process; absent where there is none, or it cannot be asked directly. */
  readonly pauseShim?: ShimAddress;
}

export interface ContainerRecord extends Container {
  readonly configHash: string;
  readonly handlerName: string;
  /** Absolute cgroup path of the container itself. */
  readonly cgroupPath: string;
  /** SELinux's label of the files of its root. */
  readonly mountLabel?: string;
  /** Looks after its task; absent before the start, and where it cannot be asked directly. */
  readonly shim?: ShimAddress;
}

/** A record as one JSON text. Times are decimal strings: they do not fit a JSON number. */
export function encodeSandbox(record: SandboxRecord): string {
  return JSON.stringify({ version: RECORD_VERSION, ...record }, bigintAsText);
}

export function encodeContainer(record: ContainerRecord): string {
  return JSON.stringify({ version: RECORD_VERSION, ...record }, bigintAsText);
}

/** Throws on a text that is not a record, or on one of a version that this davitd does not know. */
export function decodeSandbox(text: string): SandboxRecord {
  const { version: _, ...raw } = parseVersioned(text) as StoredSandbox;
  return deepFreeze({
    ...raw,
    id: parseSandboxId(raw.id, 'id'),
    createdAt: BigInt(raw.createdAt),
    state: decodeSandboxState(raw.state),
  });
}

export function decodeContainer(text: string): ContainerRecord {
  const { version: _, ...raw } = parseVersioned(text) as StoredContainer;
  return deepFreeze({
    ...raw,
    id: parseContainerId(raw.id, 'id'),
    sandboxId: parseSandboxId(raw.sandboxId, 'sandboxId'),
    createdAt: BigInt(raw.createdAt),
    state: decodeContainerState(raw.state),
  });
}

/** Freezes a plain value and all that it holds. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}

/** A stored time: what JSON has where the record has a bigint. */
type StoredTime = string;

type Stored<T> = {
  [K in keyof T]: T[K] extends bigint ? StoredTime : bigint extends T[K] ? StoredTime | undefined : T[K];
};
type StoredState<S> = S extends unknown ? Stored<S> : never;
type StoredSandbox = Omit<Stored<SandboxRecord>, 'state'> & { version: number; state: StoredState<SandboxState> };
type StoredContainer = Omit<Stored<ContainerRecord>, 'state'> & { version: number; state: StoredState<ContainerState> };

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function parseVersioned(text: string): { readonly version: number } {
  const raw: unknown = JSON.parse(text);
  if (typeof raw !== 'object' || raw === null || !('version' in raw) || typeof raw.version !== 'number') {
    throw new Error('not a record: no version');
  }
  if (raw.version < 1 || raw.version > RECORD_VERSION) {
    throw new Error(`record version ${raw.version}, this davitd knows 1 to ${RECORD_VERSION}`);
  }
  for (const field of ['id', 'spec', 'state', 'createdAt']) {
    if (!(field in raw)) throw new Error(`not a record: no ${field}`);
  }
  return { ...raw, version: raw.version };
}

function decodeSandboxState(raw: StoredState<SandboxState>): SandboxState {
  switch (raw.phase) {
    case 'creating':
    case 'ready':
      return raw;
    case 'not-ready':
      return { ...raw, since: BigInt(raw.since) };
    default:
      throw new Error(`unknown sandbox phase ${JSON.stringify((raw as { phase: unknown }).phase)}`);
  }
}

function decodeContainerState(raw: StoredState<ContainerState>): ContainerState {
  switch (raw.phase) {
    case 'creating':
    case 'created':
    case 'starting':
    case 'unknown':
      return raw;
    case 'running':
      return { ...raw, startedAt: BigInt(raw.startedAt) };
    case 'exited': {
      const { startedAt, ...rest } = raw;
      return {
        ...rest,
        finishedAt: BigInt(raw.finishedAt),
        ...(startedAt === undefined ? {} : { startedAt: BigInt(startedAt) }),
      };
    }
    default:
      throw new Error(`unknown container phase ${JSON.stringify((raw as { phase: unknown }).phase)}`);
  }
}
