import type { Engine } from '../engine/index.ts';
import type { Metrics } from '../telemetry/index.ts';

/** Pods and containers by state, read from the engine's lists at each scrape. */
export function addStateGauges(
  metrics: Pick<Metrics, 'addStateGauge'>,
  engine: Pick<Engine, 'listSandboxes' | 'listContainers'>,
): void {
  metrics.addStateGauge({
    name: 'davit_sandboxes',
    help: 'Pod sandboxes by state.',
    states: ['ready', 'not-ready'],
    read: () => engine.listSandboxes({ labels: {} }).map(({ state }) => state.phase),
  });
  metrics.addStateGauge({
    name: 'davit_containers',
    help: 'Containers by state.',
    states: ['created', 'starting', 'running', 'exited', 'unknown'],
    read: () => engine.listContainers({ labels: {} }).map(({ state }) => state.phase),
  });
}
