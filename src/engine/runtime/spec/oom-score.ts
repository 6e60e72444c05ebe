import type { ProcessFacts } from '../../host/index.ts';

export interface OomScore {
  readonly value: number;
  readonly notices: readonly string[];
}

/** Only a process with CAP_SYS_RESOURCE may go below its own value; for the others the container would fail to start. */
export function oomScoreAdj(
  wanted: number,
  own: Pick<ProcessFacts, 'effectiveCapabilities' | 'oomScoreAdj'>,
): OomScore {
  if (wanted >= own.oomScoreAdj || own.effectiveCapabilities.includes('CAP_SYS_RESOURCE'))
    return { value: wanted, notices: [] };
  const notice = `oom_score_adj ${wanted} is raised to ${own.oomScoreAdj}: davit has no CAP_SYS_RESOURCE to go lower`;
  return { value: own.oomScoreAdj, notices: [notice] };
}
