import type { Duplex } from 'node:stream';
import type { PullWork } from './image/index.ts';
import type { AttachStreams, PumpHealth, PumpStatus } from './log/index.ts';
import type { EngineEvent, EventFilter, EventHistory, PodEvent, PodSnapshot } from './events/index.ts';
import type { AttachSession } from './ops/attach-container.ts';
import type { ContainerStats, ContainerStatsFilter, SandboxStats, SandboxStatsFilter } from './stats/index.ts';
import type { ExecRequest, ExecSession, ExecSyncResult } from './exec/index.ts';
import type {
  CgroupDriver,
  Container,
  ContainerFilter,
  ContainerSpec,
  Image,
  ImageFsInfo,
  LinuxResources,
  Nanos,
  NodeStatus,
  PodResources,
  PullRequest,
  Sandbox,
  SandboxFilter,
  SandboxSpec,
  WindowsResources,
} from './types/index.ts';
import type { Need } from './when-ready.ts';
import type { Platform } from '../shim-kinds.ts';

/**
 * The engine's verbs. Ids in parameters may be unique prefixes, as people type them; an ambiguous prefix is
 * invalid-argument. Unknown ids are not-found on reads and success on stop and remove. `signal` is the caller's: its
 * abort ends the wait; creates go on as jobs that a retry joins.
 *
 * Reads answer from memory, synchronously: no lock, no containerd call, no file system call. The objects they return are
 * frozen and replaced on change, never changed: a caller may cache what it derives from one by the object itself.
 */
export interface Engine {
  runSandbox(spec: SandboxSpec, signal: AbortSignal): Promise<string>;
  stopSandbox(id: string, signal: AbortSignal): Promise<void>;
  removeSandbox(id: string, signal: AbortSignal): Promise<void>;
  getSandbox(id: string): Sandbox;
  listSandboxes(filter: SandboxFilter): readonly Sandbox[];
  /** What verbose status shows: pid, runtimeSpec, cniResult, netNamespace. May ask containerd. */
  inspectSandbox(id: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;

  /**
   * Keeps the pod's new sums and overhead, which verbose status shows; an absent one stays. The pod's cgroup is its
   * maker's to change.
   */
  updateSandbox(id: string, update: PodResources, signal: AbortSignal): Promise<void>;

  /**
   * A TCP connection to the port on localhost of a ready pod, by IPv4 or else IPv6; each side ends its direction alone.
   * Throws unavailable naming the port when nobody takes it. `signal` ends the connecting, not the connection.
   */
  connectPort(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex>;

  createContainer(sandboxId: string, spec: ContainerSpec, signal: AbortSignal): Promise<string>;
  startContainer(id: string, signal: AbortSignal): Promise<void>;
  /** `graceSeconds` between the stop signal and SIGKILL; 0 kills at once. Returns when no process is left. */
  stopContainer(id: string, graceSeconds: number, signal: AbortSignal): Promise<void>;
  removeContainer(id: string, signal: AbortSignal): Promise<void>;
  /**
   * Changes limits of a created or running container, all of them or none; a limit that `update` does not have stays.
   * Throws failed-precondition for a container that has ended.
   */
  updateContainer(id: string, update: LinuxResources, signal: AbortSignal): Promise<void>;
  /** The same of a container for Windows; invalid-argument for another. */
  updateWindowsContainer(id: string, update: WindowsResources, signal: AbortSignal): Promise<void>;
  getContainer(id: string): Container;
  listContainers(filter: ContainerFilter): readonly Container[];
  /** What verbose status shows: pid, runtimeSpec, snapshotKey, snapshotter, runtimeType, sandboxID. May ask containerd. */
  inspectContainer(id: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
  /**
   * Connects the caller to a running container's streams, from now on; failed-precondition for one that does not run, and
   * for a stdin that it does not have or that is closed for good. `signal` ends the opening; the session is disposed of.
   */
  attachContainer(id: string, streams: AttachStreams, signal: AbortSignal): Promise<AttachSession>;
  /** Closes and opens the log file again, after a rotation by rename. The container must be running. */
  reopenContainerLog(id: string, signal: AbortSignal): Promise<void>;

  /**
   * Runs a command in a running container to its end; an exit code other than 0 is an answer. What does not fit a reply
   * is cut off its outputs. `timeoutSeconds` after its start (0: never) it is killed, and this throws deadline-exceeded.
   */
  execSync(id: string, cmd: readonly string[], timeoutSeconds: number, signal: AbortSignal): Promise<ExecSyncResult>;
  /** Starts a process in a running container. Whoever opened the session disposes of it, which kills what still runs. */
  openExec(id: string, request: ExecRequest, signal: AbortSignal): Promise<ExecSession>;

  /**
   * What containers and pods use: samples from the background, with the times at which they were taken. Waits, shortly,
   * only for what has just started and has no sample yet. Lists have running containers and ready pods.
   */
  containerStats(id: string): Promise<ContainerStats>;
  listContainerStats(filter: ContainerStatsFilter): Promise<readonly ContainerStats[]>;
  sandboxStats(id: string): Promise<SandboxStats>;
  listSandboxStats(filter: SandboxStatsFilter): Promise<readonly SandboxStats[]>;

  /** A sandbox and its containers at one moment, and the moment, which is comparable with the times of events. */
  podStatus(id: string): PodSnapshot & { readonly time: Nanos };
  /**
   * What happens to sandboxes and containers from now on, each with its pod as it was then; in order, and an end only
   * once its status is final. Nothing is replayed. Ends with the signal's reason; throws resource-exhausted at a reader
   * that is too slow, after all that came before.
   */
  podEvents(signal: AbortSignal): AsyncIterable<PodEvent>;
  /** What has happened, as far as it is kept: the last 10,000 events of this run. */
  events(filter: EventFilter): EventHistory;
  /** What happens next, as podEvents(). Asked for in the same turn as events(), nothing lies between them. */
  followEvents(filter: EventFilter, signal: AbortSignal): AsyncIterable<EngineEvent>;

  /** Returns the image's id. */
  pullImage(request: PullRequest, signal: AbortSignal): Promise<string>;
  /** By reference, digest, id or unique id prefix; undefined when there is none. */
  getImage(image: string): Image | undefined;
  listImages(filter: string | undefined): readonly Image[];
  removeImage(image: string, signal: AbortSignal): Promise<void>;
  imageFsInfo(): ImageFsInfo;
  /** The pulls that are under way, the oldest first. */
  imageWork(): readonly PullWork[];

  /** What the node's output process has done; asks it, and throws unavailable when it is away. */
  outputStatus(signal: AbortSignal): Promise<PumpStatus>;
  /** Whether it answers; asks nobody. */
  outputHealth(): PumpHealth;
  status(): NodeStatus;
  /** What system a handler's containers are for; '' is the default handler. Throws invalid-argument naming those there are. */
  handlerPlatform(name: string): Platform;
  cgroupDriver(): CgroupDriver;
  /** The version of containerd behind us, '' while it has not been reached. */
  containerdVersion(): string;
  containerdIsReachable(): boolean;
  /** The node's pod ranges, as the kubelet learns them; for plugins that ask for them. */
  setPodCidrs(cidrs: readonly string[]): void;
  /** What `crictl info` shows beside the conditions. */
  info(): Readonly<Record<string, unknown>>;

  /**
   * Resolves when restore has ended (until then only status(), imageFsInfo() and the version may be answered) and what is
   * needed beyond that is there; throws unavailable when that takes too long, naming what is missing.
   */
  ready(need: Need, signal: AbortSignal): Promise<void>;
  isReady(): boolean;
}
