import { readFile } from 'node:fs/promises';
import { run } from './run.ts';

export interface ContainerProcess {
  readonly pid: number;
  readonly command: string;
}

/** The living processes of a container, whatever they are to each other. */
export async function containerProcesses(containerId: string): Promise<readonly ContainerProcess[]> {
  // Others' cgroups may go while it looks.
  const { stdout } = await run('find', ['/sys/fs/cgroup', '-path', `*${containerId}*`, '-name', 'cgroup.procs']);
  const files = stdout.split('\n').filter(Boolean);
  const lists = await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => '')));
  const pids = new Set(lists.flatMap((list) => list.split('\n')).filter(Boolean));
  const found: ContainerProcess[] = [];
  for (const pid of pids) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim();
    // A zombie has no command line.
    if (command !== '') found.push({ pid: Number(pid), command });
  }
  return found;
}
