import { readlink, stat } from 'node:fs/promises';
import { nowNanos } from '../clock.ts';
import { parseNetDev } from './net-dev.ts';
import { isAbsence, readKernelFile } from './read-kernel-file.ts';
import type { NetworkSample } from './stats-types.ts';

/**
 * The counters of a pod's interfaces, read as one of its processes sees them. `namespacePath` is the pod's pinned network
 * namespace: a pid that the kernel gave to another process meanwhile, or a process that went elsewhere, is told by it.
 * undefined when none of the processes is in the pod's namespace.
 */
export async function readPodNetwork(
  namespacePath: string,
  pids: readonly number[],
): Promise<NetworkSample | undefined> {
  for (const pid of pids) {
    try {
      const [pinned, own] = [await stat(namespacePath), await readlink(`/proc/${pid}/ns/net`)];
      if (own !== `net:[${pinned.ino}]`) continue;
    } catch (error) {
      if (isAbsence(error)) continue;
      throw error;
    }
    const timestamp = nowNanos();
    const text = await readKernelFile(`/proc/${pid}/net/dev`);
    if (text !== undefined) return { timestamp, interfaces: parseNetDev(text) };
  }
  return undefined;
}
