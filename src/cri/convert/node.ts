import { isIP } from 'node:net';
import { invalidField } from '../../engine/index.ts';
import type { CgroupDriver, NodeStatus } from '../../engine/index.ts';
import { CgroupDriver as DriverMessage } from '../generated/cri.js';
import type { IRuntimeConfigResponse, IStatusResponse, UpdateRuntimeConfigRequest } from '../generated/cri.js';
import { quote } from './checks.ts';

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
    features: {
      supplementalGroupsPolicy: status.supplementalGroupsPolicy,
      userNamespacesHostNetwork: status.userNamespacesHostNetwork,
      mountOptions: status.mountOptions,
    },
  };
}

export function fromCgroupDriver(driver: CgroupDriver): IRuntimeConfigResponse {
  return { linux: { cgroupDriver: driver === 'systemd' ? DriverMessage.SYSTEMD : DriverMessage.CGROUPFS } };
}

/** The node's pod ranges: none, one, or one of each IP family with a comma between. */
export function toPodCidrs({ runtimeConfig }: UpdateRuntimeConfigRequest): readonly string[] {
  const field = 'runtime_config.network_config.pod_cidr';
  const list = runtimeConfig?.networkConfig?.podCidr ?? '';
  const cidrs = list.split(',').map((cidr) => cidr.trim());
  return cidrs.filter((cidr) => cidr !== '').map((cidr) => checkCidr(field, cidr));
}

function checkCidr(field: string, cidr: string): string {
  const [address = '', bits = '', ...rest] = cidr.split('/');
  const most = isIP(address) === 4 ? 32 : 128;
  if (isIP(address) === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most) {
    throw invalidField(field, `must be address ranges like 10.0.0.0/24, got ${quote(cidr)}`);
  }
  return cidr;
}
