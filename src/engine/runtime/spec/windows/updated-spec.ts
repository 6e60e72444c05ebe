import { EngineError } from '../../../errors.ts';
import type { WindowsResources } from '../../../types/index.ts';
import { ociWindowsResources } from './resources.ts';

/** A spec as containerd keeps it, with other limits. Throws internal for what is no spec of Windows. */
export function updatedWindowsSpec(spec: unknown, resources: WindowsResources): object {
  if (!isWindowsSpec(spec))
    throw new EngineError('internal', 'containerd keeps no OCI spec for Windows of the container');
  const { resources: _before, ...windows } = spec.windows;
  const limits = ociWindowsResources(resources);
  return { ...spec, windows: { ...windows, ...(limits === undefined ? {} : { resources: limits }) } };
}

function isWindowsSpec(spec: unknown): spec is { readonly windows: { readonly resources?: unknown } } {
  if (typeof spec !== 'object' || spec === null || !('windows' in spec)) return false;
  return typeof spec.windows === 'object' && spec.windows !== null;
}
