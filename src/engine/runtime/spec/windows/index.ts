export { checkIsolation, windowsContainerSpec } from './container-spec.ts';
export type { WindowsContainerSpecInput, WindowsSpecResult, WindowsSpecSandbox } from './container-spec.ts';
export type { OciWindowsResources, OciWindowsSpec } from './oci-windows.ts';
export { checkWindowsResources, foldWindowsResources, ociWindowsResources } from './resources.ts';
export { windowsSandboxSpec } from './sandbox-spec.ts';
export type { WindowsSandboxSpecInput } from './sandbox-spec.ts';
export { updatedWindowsSpec } from './updated-spec.ts';
