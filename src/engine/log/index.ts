export type {
  HeldOutput,
  LogService,
  OutputPaths,
  OutputSpec,
  OutputTotals,
  PumpStatus,
  StreamTotals,
} from './log-service.ts';
