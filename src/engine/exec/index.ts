export { CappedOutput } from './capped-output.ts';
export type { StreamName } from './capped-output.ts';
export { DirectTasks } from './direct-tasks.ts';
export { createExecService } from './exec-service.ts';
export type { ExecServiceDeps } from './exec-service.ts';
export type {
  ExecExit,
  ExecOutput,
  ExecOutputStream,
  ExecRequest,
  ExecService,
  ExecSession,
  ExecSyncResult,
  ExecTarget,
  OutputSink,
  TerminalSize,
} from './exec-types.ts';
export { ShimProcesses } from './processes.ts';
