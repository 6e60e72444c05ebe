/** Exec, attach and port forward for clients of Kubernetes: URLs that are good once, and the server behind them. */
export { engineTargets } from './engine-targets.ts';
export { createStreamingServer } from './server.ts';
export type { StreamingServer, StreamingServerDeps } from './server.ts';
export type { StreamingSettings } from './settings.ts';
export type {
  AskedStreams,
  AttachRequest,
  AttachTarget,
  ExecRequest,
  ExecTarget,
  PortForwardRequest,
  PortForwardTarget,
  RemoteProcess,
  StreamingTargets,
} from './targets.ts';
