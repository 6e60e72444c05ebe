import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { containerProcesses } from './container-processes.ts';
import { ctr, eventually, nodeEnv } from './node.ts';
import { run } from './run.ts';

/** What the first process of the tests' containers runs. */
const MAIN = 'sleep 1000';

/** What execs in a container could have left of themselves on the node: folders, cgroups, records, processes. */
export async function execTraces(container: string): Promise<readonly string[]> {
  const [folders, cgroups, records, processes] = await Promise.all([
    readdir(join(`/run/davit-${nodeEnv()['DAVIT_NODE']}`, 'davit/exec')),
    // Others' cgroups may go while it looks.
    run('find', ['/sys/fs/cgroup', '-type', 'd', '-path', `*${container}/*`]),
    ctr('-n', 'davit', 'tasks', 'ps', container),
    containerProcesses(container),
  ]);
  const execs = records.split('\n').filter((line) => line.includes('exec_id') || line.includes('ExecID'));
  const others = processes.map(({ command }) => command).filter((command) => command !== MAIN);
  return [...folders, ...cgroups.stdout.split('\n').filter(Boolean), ...execs, ...others];
}

/** Waits until there is none. */
export async function noExecTraces(container: string): Promise<void> {
  let left: readonly string[] = [];
  try {
    await eventually('the end of all traces of execs', async () => {
      left = await execTraces(container);
      return left.length === 0 ? true : undefined;
    });
  } catch (error) {
    throw new Error(`execs have left ${left.slice(0, 10).join('\n')}`, { cause: error });
  }
}
