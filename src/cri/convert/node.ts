import type { CgroupDriver, NodeStatus } from '../../engine/index.ts';
import { CgroupDriver as DriverMessage } from '../generated/cri.js';
import type { IRuntimeConfigResponse, IStatusResponse } from '../generated/cri.js';

export function fromNodeStatus(status: NodeStatus): IStatusResponse {
  return {
    status: {
      conditions: status.conditions.map(({ type, ready, reason, message }) => ({
        type,
        status: ready,
        reason,
        message,
      })),
    },
    runtimeHandlers: status.handlers.map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({
      name,
      features: { recursiveReadOnlyMounts, userNamespaces },
    })),
    features: { supplementalGroupsPolicy: status.supplementalGroupsPolicy },
  };
}

export function fromCgroupDriver(driver: CgroupDriver): IRuntimeConfigResponse {
  return { linux: { cgroupDriver: driver === 'systemd' ? DriverMessage.SYSTEMD : DriverMessage.CGROUPFS } };
}
