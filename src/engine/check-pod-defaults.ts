import { parseCpuList } from '../cpu-list.ts';
import type { PodDefaults } from './engine-config.ts';
import { EngineError } from './errors.ts';
import { sysctlKind } from './runtime/namespaces/index.ts';

/** Throws failed-precondition naming the key of what no pod could be given. `online`: this node's CPUs, as far as known. */
export function checkPodDefaults(
  { sysctls, pauseCpus }: Pick<PodDefaults, 'sysctls' | 'pauseCpus'>,
  online: readonly number[] | undefined,
): void {
  const unknown = Object.keys(sysctls).find((name) => sysctlKind(name) === undefined);
  if (unknown !== undefined) {
    throw new EngineError(
      'failed-precondition',
      `pods.sysctls: ${unknown} belongs to the node; kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.* and net.* are a pod's`,
    );
  }
  if (pauseCpus === undefined || online === undefined) return;
  const missing = parseCpuList(pauseCpus)?.find((cpu) => !online.includes(cpu));
  if (missing === undefined) return;
  throw new EngineError('failed-precondition', `pods.pause_cpus: this node has no CPU ${missing}, or it is offline`);
}
