import type { HostFacts } from '../../host/index.ts';
import { EngineError } from '../../errors.ts';
import type { StringMap } from '../../types/index.ts';
import type { BaseSpec } from '../base-spec/index.ts';
import type { SpecDevice } from './devices.ts';
import type { OciLinux, OciProcess, OciResources, OciRlimit, OciSpec } from './oci.ts';
import { ociRlimits } from './rlimits.ts';

/**
 * What the parts of a base spec become in a container's. All of it is copied: one base spec serves many containers. What
 * davit sets stands after it, and counts.
 */

export function baseHooks(base: BaseSpec | undefined): Pick<OciSpec, 'hooks'> {
  return base?.hooks === undefined ? {} : { hooks: structuredClone(base.hooks) };
}

/** The node's own limit of a kind counts before the base spec's. */
export function rlimitsWith(base: BaseSpec | undefined, ulimits: StringMap): Pick<OciProcess, 'rlimits'> {
  const all = [...(base?.rlimits ?? []).map((limit) => ({ ...limit })), ...ociRlimits(ulimits)];
  const byType = new Map<string, OciRlimit>(all.map((limit) => [limit.type, limit]));
  return byType.size === 0 ? {} : { rlimits: [...byType.values()] };
}

/** Where no device of the node's choice is. */
export function baseDevices(base: BaseSpec | undefined, additional: readonly SpecDevice[]): readonly SpecDevice[] {
  const taken = new Set(additional.map(({ device }) => device.path));
  const left = (base?.devices ?? []).filter(({ path }) => !taken.has(path));
  return left.map((device) => ({ device: { ...device }, permissions: 'rwm' }));
}

export function baseLinux(base: BaseSpec | undefined): Pick<OciLinux, 'rootfsPropagation'> {
  if (base === undefined) return {};
  const { rootfsPropagation } = base;
  return { ...structuredClone(base.linux), ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }) };
}

/** Throws failed-precondition for what needs cgroup v2 elsewhere. */
export function resourcesWith(
  base: BaseSpec | undefined,
  limits: OciResources,
  host: Pick<HostFacts, 'cgroup'>,
): OciResources {
  if (base === undefined) return limits;
  const unified = { ...base.unified, ...limits.unified };
  const isUnified = Object.keys(unified).length > 0;
  if (isUnified && host.cgroup.mode !== 'v2') {
    const what = "the handler's base_runtime_spec: linux.resources.unified";
    throw new EngineError('failed-precondition', `${what}: needs cgroup v2; this node has ${host.cgroup.mode}`);
  }
  return { ...structuredClone(base.resources), ...limits, ...(isUnified ? { unified } : {}) };
}
