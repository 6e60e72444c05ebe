import type { Boot } from './host/index.ts';
import type { ImageObserver } from './image/index.ts';
import type { Instruments } from './instruments.ts';
import type { Logger } from './logger.ts';
import type { StepReport } from './op.ts';
import type { ReconcileReport } from './reconcile/index.ts';

/** Files that davit's other processes and threads start from. */
export interface EngineEntries {
  readonly pump: string;
  readonly namespaces: string;
  readonly rootfs: string;
  /** The static program that is a pod's PID 1, and makes user namespaces. */
  readonly pause: string;
}

export interface EngineDeps {
  readonly logger: Logger;
  readonly entries: EngineEntries;
  /** davit's own. */
  readonly version: string;
  /** The boot of the node that davitd runs in; absent: the kernel's. */
  readonly boot?: Boot;
  /** Told of every step of every operation, for metrics. */
  readonly stepEnded: (report: StepReport) => void;
  /** Told of every search for what no record owns, for metrics. */
  readonly reconciled: (report: ReconcileReport) => void;
  /** Measures and traces the engine's work. Absent: nobody does. */
  readonly instruments?: Instruments;
  /** Told of pulls, for metrics. */
  readonly pulls?: Pick<ImageObserver, 'received' | 'pullEnded'>;
  /** Told of each container whose exit status nobody could learn, for metrics. */
  readonly exitStatusLost: () => void;
}
