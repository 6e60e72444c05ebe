import type { Engine, Sandbox } from '../engine/index.ts';
import { checkId } from './convert/checks.ts';
import { FIELDS } from './convert/fields.ts';
import { toInspectInfo } from './convert/info.ts';
import { refusalsByPlatform } from './convert/refuse.ts';
import { fromSandbox, fromSandboxStatus } from './convert/sandbox-status.ts';
import { toPodResources, toSandboxFilter, toSandboxSpec } from './convert/sandbox.ts';
import { fromContainerStatus } from './convert/container-status.ts';
import { toLong } from './convert/numbers.ts';
import { createListEncoder } from './encoded-list.ts';
import { PodSandbox, RuntimeService } from './generated/cri.js';
import { change, read, readStream } from './handler.ts';
import type { Handler } from '../rpc/index.ts';

export type SandboxVerbs = Pick<
  Engine,
  | 'handlerPlatform'
  | 'runSandbox'
  | 'stopSandbox'
  | 'removeSandbox'
  | 'updateSandbox'
  | 'podStatus'
  | 'listSandboxes'
  | 'inspectSandbox'
>;

export function sandboxHandlers(engine: SandboxVerbs): readonly Handler[] {
  const refuseRun = refusalsByPlatform(FIELDS.RunPodSandbox);
  const list = createListEncoder((sandbox: Sandbox) => PodSandbox.encode(fromSandbox(sandbox)).finish());
  return [
    change(RuntimeService.runPodSandbox, async (request, signal) => {
      const platform = engine.handlerPlatform(request.runtimeHandler);
      refuseRun[platform](request);
      return { podSandboxId: await engine.runSandbox(toSandboxSpec(request, platform), signal) };
    }),
    change(RuntimeService.stopPodSandbox, async ({ podSandboxId }, signal) => {
      await engine.stopSandbox(checkId('pod_sandbox_id', podSandboxId), signal);
      return {};
    }),
    change(RuntimeService.removePodSandbox, async ({ podSandboxId }, signal) => {
      await engine.removeSandbox(checkId('pod_sandbox_id', podSandboxId), signal);
      return {};
    }),
    change(RuntimeService.updatePodSandboxResources, async ({ podSandboxId, overhead, resources }, signal) => {
      const update = toPodResources(overhead, resources);
      await engine.updateSandbox(checkId('pod_sandbox_id', podSandboxId), update, signal);
      return {};
    }),
    read(RuntimeService.podSandboxStatus, async ({ podSandboxId, verbose }, signal) => {
      const { sandbox, containers, time } = engine.podStatus(checkId('pod_sandbox_id', podSandboxId));
      const status = {
        status: fromSandboxStatus(sandbox),
        containersStatuses: containers.map(fromContainerStatus),
        timestamp: toLong(time),
      };
      return verbose ? { ...status, info: toInspectInfo(await engine.inspectSandbox(sandbox.id, signal)) } : status;
    }),
    read(RuntimeService.listPodSandbox, ({ filter }) => list.whole(engine.listSandboxes(toSandboxFilter(filter)))),
    readStream(RuntimeService.streamPodSandboxes, async function* ({ filter }) {
      yield* list.parts(engine.listSandboxes(toSandboxFilter(filter)));
    }),
  ];
}
