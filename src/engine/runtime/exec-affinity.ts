import type { HandlerConfig } from '../engine-config.ts';
import type { RuntimeVersion } from './runtime-info.ts';

/** The first release of runc that knows the CPU affinity of an exec. */
const LEAST_RUNC = [1, 3] as const;
/** The first release of containerd whose shim does not drop it on its way. */
const LEAST_CONTAINERD = [2, 1] as const;

/** A sentence for the operator where commands cannot be kept to a CPU; other runtimes than runc are not judged. */
export function affinityWarning(
  { execCpuAffinity }: Pick<HandlerConfig, 'execCpuAffinity'>,
  runtime: RuntimeVersion,
  containerd: string | undefined,
): string | undefined {
  if (execCpuAffinity === 'all') return undefined;
  const lacking = [
    ...(runtime.name === 'runc' && isOlder(runtime.version, LEAST_RUNC) ? [`runc ${runtime.version}`] : []),
    ...(containerd !== undefined && isOlder(containerd, LEAST_CONTAINERD) ? [`containerd ${containerd}`] : []),
  ];
  if (lacking.length === 0) return undefined;
  return (
    `exec_cpu_affinity needs runc ${LEAST_RUNC.join('.')} and containerd ${LEAST_CONTAINERD.join('.')}; ` +
    `with ${lacking.join(' and ')} commands start on all CPUs of their container`
  );
}

/** A version that cannot be read is not judged. */
function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const match = /^v?(\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const [ourMajor, ourMinor] = [Number(match[1]), Number(match[2])];
  return ourMajor < major || (ourMajor === major && ourMinor < minor);
}
