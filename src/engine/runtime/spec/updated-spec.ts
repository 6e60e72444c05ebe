import { EngineError } from '../../errors.ts';
import type { HostFacts } from '../../host/index.ts';
import type { LinuxResources } from '../../types/index.ts';
import { oomScoreAdj } from './oom-score.ts';
import { ociResources } from './resources.ts';

export interface UpdatedSpec {
  readonly spec: object;
  readonly notices: readonly string[];
}

/** A spec as containerd keeps it, with other limits; what is no limit of a request stays. Throws internal for what is no spec. */
export function updatedSpec(
  spec: unknown,
  resources: LinuxResources,
  host: Pick<HostFacts, 'cgroup' | 'hugepageSizes' | 'swapLimit' | 'process'>,
): UpdatedSpec {
  if (!hasParts(spec)) throw new EngineError('internal', 'containerd keeps no OCI spec of the container');
  const plan = ociResources(resources, host);
  const { cpu: _cpu, memory: _memory, hugepageLimits: _hugepages, ...kept } = spec.linux.resources ?? {};
  const unified = { ...kept.unified, ...plan.resources.unified };
  return {
    spec: {
      ...spec,
      process: { ...spec.process, oomScoreAdj: oomScoreAdj(resources.oomScoreAdj ?? 0, host.process).value },
      linux: {
        ...spec.linux,
        resources: { ...kept, ...plan.resources, ...(Object.keys(unified).length === 0 ? {} : { unified }) },
      },
    },
    notices: plan.notices,
  };
}

interface Parts {
  readonly process: object;
  readonly linux: { readonly resources?: Readonly<Record<string, unknown>> & { readonly unified?: object } };
}

function hasParts(spec: unknown): spec is Parts {
  if (typeof spec !== 'object' || spec === null) return false;
  const { process, linux } = spec as { readonly process?: unknown; readonly linux?: unknown };
  return typeof process === 'object' && process !== null && typeof linux === 'object' && linux !== null;
}
