export { createContainerd } from './containerd.ts';
export type { Containerd, ContainerdDeps, ContainerdSettings, ContainerdStatus } from './containerd.ts';
export type { CallOptions, DuplexCall } from './call.ts';
export type { Choice, ChoiceKind } from './choice.ts';
export type {
  Clients,
  ContainersClient,
  ContentClient,
  DiffClient,
  EventsClient,
  ImagesClient,
  LeasesClient,
  SnapshotsClient,
  TasksClient,
} from './clients.ts';
export { openContentWriter, readBlob } from './content.ts';
export type { CommitRequest, ContentWriter, WriteTarget } from './content.ts';
export type { ContainerdEvent, TaskExitEvent } from './events.ts';
export { LEASE_LABEL } from './leases.ts';
export type { Lease, LeaseRequest } from './leases.ts';
export { OWNER_LABEL, ownerFilter } from './owner-label.ts';
export type { ServerFacts, SnapshotterFacts } from './probe.ts';
export { SUPERVISED_FOLDER } from './supervised-paths.ts';
export { ShimCalls } from './shim/shim-calls.ts';
export { ShimExecs } from './shim/shim-execs.ts';
export { createShims } from './shim/shims.ts';
export type { Shims } from './shim/shims.ts';
export { ShimGone } from './shim/ttrpc-connection.ts';
export { nanosOf } from './timestamp.ts';
