export { readBoot } from './boot.ts';
export type { Boot } from './boot.ts';
export { cgroupLayout, hierarchyOf } from './cgroup-layout.ts';
export type { CgroupHierarchy, CgroupLayout, CgroupMode } from './cgroup-layout.ts';
export { allHostDevices, devicesAt } from './host-devices.ts';
export type { HostDevice } from './host-devices.ts';
export { APPARMOR_PARSER, readHostFacts } from './host-facts.ts';
export type { HostFacts, ProcessFacts } from './host-facts.ts';
export { withoutSwitchedOff } from './switched-off.ts';
