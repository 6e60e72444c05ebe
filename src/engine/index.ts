/** The engine's only door: what the façade, main and the CLI's types may use. */
export type * from './types.ts';
export type * from './stats/stats-types.ts';
export type * from './events/event-types.ts';
export type { ContainerId, SandboxId } from './ids.ts';
export type { Engine } from './engine-api.ts';
export type { AttachStreams, PumpStatus } from './log/index.ts';
export type { AttachSession } from './ops/attach-container.ts';
export type { ExecExit, ExecRequest, ExecSession, ExecSyncResult, TerminalSize } from './exec/index.ts';
export { EngineError, invalidField, isKind, kindOf, messageOf, withContext } from './errors.ts';
export type { ErrorKind, KubeletReason } from './errors.ts';
export type { EngineConfig, HandlerConfig, LimitsConfig } from './engine-config.ts';
export type { PullReport, PullWork } from './image/index.ts';
export type { Instruments, Work } from './instruments.ts';
export { createEngine } from './engine.ts';
export type { EngineDeps, EngineEntries, EngineRuntime } from './engine.ts';
export type { StepReport } from './op.ts';
export type { OrphanKind, ReconcileReport } from './reconcile/index.ts';
export { ORPHAN_KINDS } from './reconcile/index.ts';
