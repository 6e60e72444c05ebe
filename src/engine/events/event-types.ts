import type { Container, Nanos, Sandbox, StringMap } from '../types/index.ts';

export type EventObject = 'sandbox' | 'container' | 'image';

/** `oom` comes right before the `stopped` that it is the reason of. */
export type EventAction = 'created' | 'started' | 'stopped' | 'deleted' | 'oom' | 'pulled' | 'pull-failed' | 'removed';

/** What happened, in a form that holds on to little: thousands of them are kept. */
export interface EngineEvent {
  /** Counts up by one while davitd runs. */
  readonly sequence: number;
  /** Strictly increasing. */
  readonly time: Nanos;
  readonly object: EventObject;
  readonly action: EventAction;
  /** The sandbox's, the container's, or the image's where it is known. */
  readonly id: string;
  /** Of a container and of a sandbox, whose own it is. */
  readonly sandboxId?: string;
  readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly containerName?: string;
  readonly attempt?: number;
  /** What the action is known by: exit_code, reason, image, reference … */
  readonly attributes: StringMap;
  /** The sandbox's or container's own. */
  readonly labels: StringMap;
}

export type EventContent = Omit<EngineEvent, 'sequence' | 'time'>;

/** A pod at one moment: its sandbox, and all of its containers that callers may see. */
export interface PodSnapshot {
  readonly sandbox: Sandbox;
  readonly containers: readonly Container[];
}

/** What happened to a sandbox or a container, and how its pod was then. */
export interface PodEvent {
  readonly event: EngineEvent;
  readonly pod: PodSnapshot;
}

/** Conditions that all must hold; of a list, one item. */
export interface EventFilter {
  /** At or after. */
  readonly since?: Nanos;
  /** Before. */
  readonly until?: Nanos;
  readonly objects?: readonly string[];
  readonly actions?: readonly string[];
  /** The beginning of the object's id or of its sandbox's; of an image, its reference will do. */
  readonly id?: string;
  readonly podNamespace?: string;
  readonly podName?: string;
  readonly containerName?: string;
  readonly labels?: StringMap;
}

/** The kept part of what happened. */
export interface EventHistory {
  /** Nothing that happened since is missing. */
  readonly completeSince: Nanos;
  readonly events: readonly EngineEvent[];
}
