export { DEFAULT_APPARMOR_PROFILE } from './default-profile.ts';
export { createAppArmorNode } from './node.ts';
export { createAppArmorProfiles } from './profiles.ts';
export type { AppArmorNode, AppArmorProfiles } from './profiles.ts';
