export type { LaunchOptions } from './launcher.ts';
export type {
  AttachStreams,
  HeldOutput,
  LogAttachment,
  LogService,
  OutputPaths,
  OutputSpec,
  OutputTotals,
  PumpHealth,
  PumpStatus,
  StreamTotals,
} from './log-service.ts';
export { createLogService, type LogServiceDeps } from './pump-log-service.ts';
