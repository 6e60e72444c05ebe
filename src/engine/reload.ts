import type { EngineConfig } from './engine-config.ts';
import type { ImageService } from './image/index.ts';
import type { NetworkService } from './network/index.ts';
import { createHandlers } from './runtime/handlers.ts';
import type { LiveHandlers } from './runtime/handlers.ts';
import type { RuntimeProbes } from './runtime-probes.ts';
import type { CgroupDriver } from './types/index.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ReloadDeps {
  readonly handlers: LiveHandlers;
  readonly runtimes: Pick<RuntimeProbes, 'refresh'>;
  readonly images: Pick<ImageService, 'reload'>;
  readonly network: Pick<NetworkService, 'setLimits'>;
  readonly work: Pick<WorkQueue, 'setLimits'>;
  /** The node's own. */
  readonly driver: CgroupDriver;
}

/**
 * Applies the parts of a configuration that may change while davitd runs. What can be refused is tried first: an error
 * leaves everything as it was. Returns what needs a restart after all: cgroups are named by their driver, so handlers that
 * want another one are not taken.
 */
export async function reload(
  deps: ReloadDeps,
  next: EngineConfig,
  signal: AbortSignal,
): Promise<readonly 'handlers'[]> {
  const handlers = createHandlers(next, deps.driver);
  deps.images.reload({ registryConfigPath: next.registryConfigPath, ...next.images });
  deps.work.setLimits(next.limits);
  deps.network.setLimits(next.limits);
  if (handlers.cgroupDriver !== deps.handlers.cgroupDriver) return ['handlers'];
  deps.handlers.replace(handlers);
  await deps.runtimes.refresh(signal);
  return [];
}
