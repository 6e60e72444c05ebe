import type { ClassesConfig, ContainerDefaults, PodDefaults, SecurityConfig } from '../engine-config.ts';
import type { ExecService } from '../exec/index.ts';
import type { Jobs } from '../jobs.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { OpObserver } from '../op.ts';
import type { ContainerObjects, TaskService } from '../runtime/task-types.ts';
import type { Store } from '../store/index.ts';
import type { ContainerExits } from './container-exits.ts';
import type { NamespaceService } from '../runtime/namespaces/index.ts';
import type { PodPorts } from '../runtime/pod-ports/index.ts';
import type { NetworkService } from '../network/index.ts';
import type { ContainerVolumes, PodFiles, MountSources } from '../volume/index.ts';
import type { ImageService } from '../image/index.ts';
import type { LayerService } from '../layer/index.ts';
import type { LogService } from '../log/index.ts';
import type { CgroupService } from '../runtime/cgroup/index.ts';
import type { Handlers } from '../runtime/handlers.ts';
import type { ImageFiles, Labeller, SecurityProfiles } from '../security/index.ts';
import type { HostFacts } from '../host/index.ts';
import type { WorkQueue } from '../work-queue.ts';
import type { HandlerFeatures } from '../types/index.ts';
import type { Marks } from '../reconcile/index.ts';
import type { ShimProcesses } from '../runtime/shim-processes.ts';
import type { Logger } from '../logger.ts';

/** Everything an operation may use. Each op takes the part that it names with `Pick`. */
export interface OpsDeps {
  readonly store: Store;
  readonly jobs: Jobs;
  readonly observer: OpObserver;
  readonly logger: Logger;
  /** Bounds what forks or mounts; nothing waits in it for a grace period, a stream or a download. */
  readonly work: WorkQueue;
  readonly host: HostFacts;
  readonly handlers: Handlers;
  /** What pods and containers get beside what they ask for. */
  readonly defaults: {
    readonly pods: PodDefaults;
    readonly containers: ContainerDefaults;
    readonly classes: ClassesConfig;
    readonly security: Pick<SecurityConfig, 'selinuxCategoryRange' | 'selinuxOnHostNetwork'>;
  };
  /** What each handler's OCI runtime can do. */
  readonly runtimes: { features(handlerName: string): HandlerFeatures };
  readonly namespaces: NamespaceService;
  readonly network: NetworkService;
  readonly podPorts: PodPorts;
  readonly podFiles: PodFiles;
  readonly mountSources: MountSources;
  readonly volumes: ContainerVolumes;
  readonly images: ImageService;
  readonly layers: LayerService;
  readonly log: LogService;
  readonly objects: ContainerObjects;
  readonly tasks: TaskService;
  readonly execs: ExecService;
  readonly cgroups: CgroupService;
  readonly imageFiles: ImageFiles;
  readonly profiles: SecurityProfiles;
  readonly labeller: Labeller;
  readonly exits: ContainerExits;
  /** What was made in this boot, for what cannot carry a label. */
  readonly marks: Marks;
  readonly shims: ShimProcesses;
  /** Whether containerd can be asked right now. */
  readonly containerd: { status(): { readonly ready: boolean } };
  /** Told of each container whose exit status nobody could learn, for metrics. */
  readonly exitStatusLost: () => void;
  /** Holds stop and remove of one sandbox apart. */
  readonly sandboxLocks: KeyedMutex<string>;
  /** Holds start, exit and removal of one container apart. */
  readonly containerLocks: KeyedMutex<string>;
  /**
   * By container that davit itself sends SIGKILL: how many of its processes had died for want of memory before. Only a
   * later death can be what ended it.
   */
  readonly oomKillsBeforeKill: Map<string, number>;
  /** Sandboxes that a stop works on: nothing new starts in them. */
  readonly stopping: Set<string>;
  /** Which pods have a pause process; see the configuration. */
  readonly pause: 'auto' | 'always';
  /** Kills under way, by container: all stops of one share it. */
  readonly kills: Map<string, Promise<void>>;
  /** A folder with the pod's PID 1 in it, the root of every pause process. */
  readonly pauseRoot: string;
}
