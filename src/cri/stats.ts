import type { ContainerStats as EngineContainerStats, Engine, SandboxStats } from '../engine/index.ts';
import { checkId } from './convert/checks.ts';
import { METRIC_DESCRIPTORS } from './convert/metric-descriptors.ts';
import { fromSandboxMetrics } from './convert/metrics.ts';
import { fromContainerStats, fromSandboxStats, toContainerStatsFilter, toSandboxStatsFilter } from './convert/stats.ts';
import { createListEncoder } from './encoded-list.ts';
import { ContainerStats, PodSandboxMetrics, PodSandboxStats, RuntimeService } from './generated/cri.js';
import { read, readStream } from './handler.ts';
import type { Handler } from '../rpc/index.ts';

export type StatsVerbs = Pick<Engine, 'containerStats' | 'listContainerStats' | 'sandboxStats' | 'listSandboxStats'>;

/** Each list is put together from pieces that are encoded once for each sample. */
export function statsHandlers(engine: StatsVerbs): readonly Handler[] {
  const containers = createListEncoder((stats: EngineContainerStats) =>
    ContainerStats.encode(fromContainerStats(stats)).finish(),
  );
  const sandboxes = createListEncoder((stats: SandboxStats) =>
    PodSandboxStats.encode(fromSandboxStats(stats)).finish(),
  );
  const metrics = createListEncoder((stats: SandboxStats) =>
    PodSandboxMetrics.encode(fromSandboxMetrics(stats)).finish(),
  );
  return [
    read(RuntimeService.containerStats, async ({ containerId }) => ({
      stats: fromContainerStats(await engine.containerStats(checkId('container_id', containerId))),
    })),
    read(RuntimeService.listContainerStats, async ({ filter }) =>
      containers.whole(await engine.listContainerStats(toContainerStatsFilter(filter))),
    ),
    readStream(RuntimeService.streamContainerStats, async function* ({ filter }) {
      yield* containers.parts(await engine.listContainerStats(toContainerStatsFilter(filter)));
    }),
    read(RuntimeService.podSandboxStats, async ({ podSandboxId }) => ({
      stats: fromSandboxStats(await engine.sandboxStats(checkId('pod_sandbox_id', podSandboxId))),
    })),
    read(RuntimeService.listPodSandboxStats, async ({ filter }) =>
      sandboxes.whole(await engine.listSandboxStats(toSandboxStatsFilter(filter))),
    ),
    readStream(RuntimeService.streamPodSandboxStats, async function* ({ filter }) {
      yield* sandboxes.parts(await engine.listSandboxStats(toSandboxStatsFilter(filter)));
    }),
    read(RuntimeService.listMetricDescriptors, () => ({ descriptors: [...METRIC_DESCRIPTORS] })),
    read(RuntimeService.listPodSandboxMetrics, async () =>
      metrics.whole(await engine.listSandboxStats({ labels: {} })),
    ),
    readStream(RuntimeService.streamPodSandboxMetrics, async function* () {
      yield* metrics.parts(await engine.listSandboxStats({ labels: {} }));
    }),
  ];
}
