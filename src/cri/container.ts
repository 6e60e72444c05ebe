import { invalidField } from '../engine/index.ts';
import type { Container as EngineContainer, Engine } from '../engine/index.ts';
import { checkId } from './convert/checks.ts';
import { fromContainer, fromContainerStatus } from './convert/container-status.ts';
import { toContainerFilter, toContainerSpec } from './convert/container.ts';
import { FIELDS } from './convert/fields.ts';
import { toInspectInfo } from './convert/info.ts';
import { refusalsByPlatform } from './convert/refuse.ts';
import { toResourcesUpdate } from './convert/resources.ts';
import { toWindowsUpdate } from './convert/windows.ts';
import { createListEncoder } from './encoded-list.ts';
import { Container, RuntimeService } from './generated/cri.js';
import type { StopContainerRequest } from './generated/cri.js';
import { change, NEEDS_CONTAINERD, read, readStream } from './handler.ts';
import type { Handler } from '../rpc/index.ts';

export type ContainerVerbs = Pick<
  Engine,
  | 'getSandbox'
  | 'createContainer'
  | 'startContainer'
  | 'stopContainer'
  | 'updateContainer'
  | 'updateWindowsContainer'
  | 'removeContainer'
  | 'getContainer'
  | 'listContainers'
  | 'inspectContainer'
  | 'reopenContainerLog'
>;

/** A timer's longest time is 2^31 ms, some 24 days; nobody tells a longer grace from this one. */
const MAX_GRACE_SECONDS = 2_000_000;

export function containerHandlers(engine: ContainerVerbs): readonly Handler[] {
  const refuseCreate = refusalsByPlatform(FIELDS.CreateContainer);
  const refuseUpdate = refusalsByPlatform(FIELDS.UpdateContainerResources);
  const list = createListEncoder((item: EngineContainer) => Container.encode(fromContainer(item)).finish());
  return [
    change(
      RuntimeService.createContainer,
      async (request, signal) => {
        const sandbox = engine.getSandbox(checkId('pod_sandbox_id', request.podSandboxId));
        refuseCreate[sandbox.spec.windows === undefined ? 'linux' : 'windows'](request);
        const spec = toContainerSpec(request, sandbox.spec);
        return { containerId: await engine.createContainer(sandbox.id, spec, signal) };
      },
      NEEDS_CONTAINERD,
    ),
    change(
      RuntimeService.startContainer,
      async ({ containerId }, signal) => {
        await engine.startContainer(checkId('container_id', containerId), signal);
        return {};
      },
      NEEDS_CONTAINERD,
    ),
    change(RuntimeService.stopContainer, async (request, signal) => {
      await engine.stopContainer(checkId('container_id', request.containerId), toGraceSeconds(request), signal);
      return {};
    }),
    change(
      RuntimeService.updateContainerResources,
      async (request, signal) => {
        const { id, spec } = engine.getContainer(checkId('container_id', request.containerId));
        const platform = spec.windows === undefined ? 'linux' : 'windows';
        refuseUpdate[platform](request);
        if (platform === 'linux') await engine.updateContainer(id, toResourcesUpdate('linux', request.linux), signal);
        else await engine.updateWindowsContainer(id, toWindowsUpdate('windows', request.windows), signal);
        return {};
      },
      NEEDS_CONTAINERD,
    ),
    change(
      RuntimeService.removeContainer,
      async ({ containerId }, signal) => {
        await engine.removeContainer(checkId('container_id', containerId), signal);
        return {};
      },
      NEEDS_CONTAINERD,
    ),
    read(RuntimeService.containerStatus, async ({ containerId, verbose }, signal) => {
      const container = engine.getContainer(checkId('container_id', containerId));
      const status = fromContainerStatus(container);
      return verbose
        ? { status, info: toInspectInfo(await engine.inspectContainer(container.id, signal)) }
        : { status };
    }),
    read(RuntimeService.listContainers, ({ filter }) => list.whole(engine.listContainers(toContainerFilter(filter)))),
    readStream(RuntimeService.streamContainers, async function* ({ filter }) {
      yield* list.parts(engine.listContainers(toContainerFilter(filter)));
    }),
    change(RuntimeService.reopenContainerLog, async ({ containerId }, signal) => {
      await engine.reopenContainerLog(checkId('container_id', containerId), signal);
      return {};
    }),
  ];
}

function toGraceSeconds({ timeout }: StopContainerRequest): number {
  if (timeout.isNegative()) throw invalidField('timeout', `must not be negative, got ${timeout.toString()}`);
  return Math.min(timeout.toNumber(), MAX_GRACE_SECONDS);
}
