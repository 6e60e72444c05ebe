import { readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { processesOf } from './daemon.ts';
import { davitdPid, nodeEnv } from './node.ts';

/** What a process holds of the machine. */
export interface Usage {
  /** Open descriptors: what each is, without numbers that tell nothing. */
  readonly descriptors: readonly string[];
  readonly residentBytes: number;
}

export async function usageOf(pid: number): Promise<Usage> {
  const folder = `/proc/${pid}/fd`;
  // The descriptor of a connection that ends meanwhile has no link any more.
  const links = (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => ''));
  const descriptors = (await Promise.all(links)).filter((link) => link !== '');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return {
    descriptors: descriptors.map((link) => link.replace(/^(socket|pipe):\[\d+\]$/, '$1')).toSorted(),
    residentBytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024,
  };
}

/** The processes of the node's davit: davitd and its pump. */
export async function davitPids(): Promise<readonly number[]> {
  const dir = `/run/davit-${nodeEnv()['DAVIT_NODE']}`;
  const candidates = await processesOf(dir);
  const pumps: number[] = [];
  for (const pid of candidates) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('davit-pump')) pumps.push(pid);
  }
  if (pumps.length !== 1) throw new Error(`the node has ${pumps.length} pumps: ${pumps.join(', ')}`);
  return [await davitdPid(), ...pumps];
}
