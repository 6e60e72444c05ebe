import type { Engine } from '../engine/index.ts';
import { toInfo } from './convert/info.ts';
import { fromCgroupDriver, fromNodeStatus, toPodCidrs } from './convert/node.ts';
import { RuntimeService } from './generated/cri.js';
import { change, read } from './handler.ts';
import type { Handler } from '../rpc/index.ts';

export type StatusVerbs = Pick<Engine, 'status' | 'info' | 'cgroupDriver' | 'setPodCidrs'>;

/** The version of the kubelet's side of the interface; it has never been another. */
const KUBELET_API_VERSION = '0.1.0';
/** Part of every container id that Kubernetes shows: never change it. */
const RUNTIME_NAME = 'davit';
const RUNTIME_API_VERSION = 'v1';

export function statusHandlers(engine: StatusVerbs, version: string): readonly Handler[] {
  return [
    read(
      RuntimeService.version,
      () => ({
        version: KUBELET_API_VERSION,
        runtimeName: RUNTIME_NAME,
        runtimeVersion: version,
        runtimeApiVersion: RUNTIME_API_VERSION,
      }),
      { beforeReady: true },
    ),
    read(
      RuntimeService.status,
      ({ verbose }) => ({ ...fromNodeStatus(engine.status()), info: verbose ? toInfo(engine.info()) : {} }),
      { beforeReady: true },
    ),
    read(RuntimeService.runtimeConfig, () => fromCgroupDriver(engine.cgroupDriver())),
    change(RuntimeService.updateRuntimeConfig, (request) => {
      engine.setPodCidrs(toPodCidrs(request));
      return {};
    }),
  ];
}
