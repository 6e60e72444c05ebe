import { readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { davitdPid } from './node.ts';

/** What the node's davitd has in memory. */
export async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${await davitdPid()}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Descriptors of davitd that are not its connections: what a call could leave open. */
export async function descriptors(): Promise<readonly string[]> {
  return (await links()).filter((link) => !link.startsWith('socket:')).toSorted();
}

/** How many connections davitd holds open, of any kind. */
export async function connections(): Promise<number> {
  return (await links()).filter((link) => link.startsWith('socket:')).length;
}

/** Processor time that davitd has used, in the kernel's ticks of 10 ms. */
export async function cpuTicks(): Promise<number> {
  const stat = await readFile(`/proc/${await davitdPid()}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

async function links(): Promise<readonly string[]> {
  const folder = `/proc/${await davitdPid()}/fd`;
  const found = (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => '')); // closed meanwhile
  return (await Promise.all(found)).filter((link) => link !== '');
}
