import type { Boot } from './host/index.ts';
import type { Instruments } from './instruments.ts';
import type { Service } from './lifecycle.ts';
import type { AfterReboot } from './ops/after-reboot.ts';
import { execTarget } from './ops/open-exec.ts';
import type { OpsDeps } from './ops/deps.ts';
import { restore, watchByShims } from './ops/restore.ts';
import type { ReadyGate } from './ready-gate.ts';
import type { RecordsService } from './records-service.ts';
import type { RuntimeProbes } from './runtime-probes.ts';
import { throughOutages } from './through-outages.ts';

export interface RuntimeServiceDeps {
  readonly ops: OpsDeps;
  readonly runtimes: Pick<RuntimeProbes, 'start'>;
  /** Resolves as soon as containerd answers. */
  readonly reachable: (signal: AbortSignal) => Promise<void>;
  readonly instruments: Instruments;
  readonly boot: Boot;
  /** Started before. */
  readonly records: Pick<RecordsService, 'since'>;
  readonly afterReboot: AfterReboot;
  readonly gate: ReadyGate;
}

/** Takes back what ran when davitd went, and opens the gate to those who wait for it. */
export class RuntimeService implements Service {
  readonly name = 'runtime';
  readonly #deps: RuntimeServiceDeps;

  constructor(deps: RuntimeServiceDeps) {
    this.#deps = deps;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { ops, runtimes, reachable, instruments, boot, afterReboot, gate } = this.#deps;
    const { images, execs, network, logger } = ops;
    const { since } = this.#deps.records;
    if (!since.rebooted) watchByShims(ops);
    await throughOutages({ reachable, logger }, signal, async () => {
      await Promise.all([images.start(signal), runtimes.start(signal)]);
      await instruments.around({ kind: 'action', name: 'restore', attributes: {} }, () =>
        restore(ops, since.rebooted ? boot.startedAt : undefined, signal),
      );
    });
    await execs.recover((id) => execTarget(ops, id));
    gate.open();
    afterReboot.begin(since);
    await network.gc(signal);
  }

  close(): Promise<void> {
    return this.#deps.ops.images.close();
  }
}
