import { readFile } from 'node:fs/promises';
import { parseCpuList } from '../../cpu-list.ts';

/** The CPUs that the kernel runs programs on; undefined where it does not tell. */
export async function onlineCpus(): Promise<readonly number[] | undefined> {
  const list = await readFile('/sys/devices/system/cpu/online', 'utf8').catch(() => undefined);
  return list === undefined ? undefined : parseCpuList(list);
}
