import { DEFAULT_CAPABILITIES } from '../../capability-names.ts';
import type { HandlerConfig } from '../engine-config.ts';
import type { OpsDeps } from './deps.ts';

/** One of runc. */
export const TEST_HANDLER: HandlerConfig = {
  type: 'io.containerd.runc.v2',
  options: {},
  snapshotter: 'overlayfs',
  defaultAnnotations: {},
  podAnnotations: [],
  containerAnnotations: [],
  privilegedWithoutHostDevices: false,
  cgroupWritable: false,
  execCpuAffinity: 'all',
};

/** What pods and containers get of a configuration that says nothing, without seccomp. */
export const TEST_DEFAULTS: OpsDeps['defaults'] = {
  classes: { rdt: false, tolerateMissing: false },
  security: { selinuxCategoryRange: 1024, selinuxOnHostNetwork: true },
  pods: { sysctls: {}, unprivilegedPorts: false, unprivilegedPing: false },
  containers: {
    env: [],
    ulimits: {},
    imageVolumes: 'bind',
    unsetSeccomp: 'unconfined',
    privilegedSeccompProfile: 'unconfined',
    defaultCapabilities: DEFAULT_CAPABILITIES,
    inheritableCapabilities: false,
    tolerateMissingHugetlb: true,
    minMemoryBytes: 0,
    additionalDevices: [],
    allowedDevices: [],
    deviceOwnership: false,
  },
};
