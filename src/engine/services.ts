import { BootRecord } from './boot-record.ts';
import type { EngineConfig } from './engine-config.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { Boot } from './host/index.ts';
import { NO_INSTRUMENTS } from './instruments.ts';
import type { Service } from './lifecycle.ts';
import { AfterReboot } from './ops/after-reboot.ts';
import { LostTasks } from './ops/lost-tasks.ts';
import { createReconcileLoop } from './ops/reconcile.ts';
import type { ReadyGate } from './ready-gate.ts';
import { RecordsService } from './records-service.ts';
import { RuntimeService } from './runtime-service.ts';
import type { StatsService } from './stats/index.ts';
import type { Subsystems } from './subsystems.ts';

export interface ServicesDeps extends Pick<EngineDeps, 'logger' | 'entries' | 'instruments' | 'reconciled'> {
  readonly subsystems: Subsystems;
  readonly stats: StatsService;
  readonly gate: ReadyGate;
  readonly boot: Boot;
  /** The configuration in force. */
  readonly live: () => EngineConfig;
}

/** What starts and closes with the engine, in the order of its start. */
export function createServices(config: EngineConfig, deps: ServicesDeps): readonly Service[] {
  const { logger, entries, subsystems, stats, gate, boot, live, reconciled, instruments = NO_INSTRUMENTS } = deps;
  const { ops, namespaces, rootfs, log, network, podPorts, containerd, execs, exits, stdinEnds } = subsystems;
  const { runtimes, reachable } = subsystems;
  const bootRecord = new BootRecord({ root: config.root, bootId: boot.id, logger });
  const records = new RecordsService({ ...ops, config, entries, bootRecord });
  const afterReboot = new AfterReboot({ ...ops, settled: () => bootRecord.settled() });
  const reconcile = createReconcileLoop({
    ...ops,
    state: config.state,
    root: config.root,
    settings: () => live().reconcile,
    reported: reconciled,
  });
  return [
    records,
    namespaces,
    rootfs,
    log,
    network,
    podPorts,
    containerd,
    execs,
    onlyClosed('watches', exits),
    onlyClosed('stdin ends', stdinEnds),
    new RuntimeService({ ops, runtimes, reachable, instruments, boot, records, afterReboot, gate }),
    onlyClosed('after a reboot', afterReboot),
    { name: 'reconcile', start: async () => reconcile.start(), close: () => reconcile.close() },
    new LostTasks({ ...ops, containerd }),
    onlyClosed('creates', ops.jobs),
    stats,
  ];
}

/** What others set going. */
function onlyClosed(name: string, what: Pick<Service, 'close'>): Service {
  return { name, start: async () => undefined, close: () => what.close() };
}
