import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nowNanos } from '../clock.ts';
import { isAbsence, readKernelFile } from './read-kernel-file.ts';
import type { ProcessDetails, TaskState } from './stats-types.ts';

/** A folder of a cgroup tree has two links and one more for each cgroup below. */
const LINKS_OF_LEAF = 2;
/** Who may make cgroups can make very many; more than these are not walked. */
const MAX_CGROUPS = 256;
/** The kernel's letters; threads that have ended (X, Z) are in none of these states. */
const TASK_STATES: Readonly<Record<string, TaskState>> = {
  R: 'running',
  S: 'sleeping',
  I: 'sleeping',
  D: 'uninterruptible',
  T: 'stopped',
  t: 'stopped',
};
const LIMIT_LINE = /^(Max [a-z ]+?) {2,}(\d+|unlimited) /gm;

/** Processes of the cgroup and those below it. */
export async function processesOf(dir: string): Promise<readonly number[]> {
  const pids: number[] = [];
  const dirs = [dir];
  for (let at = 0; at < Math.min(dirs.length, MAX_CGROUPS); at++) {
    const next = dirs[at] ?? dir;
    const text = (await readKernelFile(join(next, 'cgroup.procs'))) ?? '';
    // 0 stands for a process that our PID namespace does not see.
    pids.push(
      ...text
        .split('\n')
        .map(Number)
        .filter((pid) => pid > 0),
    );
    dirs.push(...(await below(next)));
  }
  return pids;
}

/** What processes hold and do. Slow: a call for each open file and thread. Those that end meanwhile hold nothing. */
export async function processDetails(pids: readonly number[], firstPid: number): Promise<ProcessDetails> {
  const timestamp = nowNanos();
  let fileDescriptors = 0;
  let sockets = 0;
  const taskStates = { running: 0, sleeping: 0, uninterruptible: 0, stopped: 0 };
  for (const pid of pids) {
    for (const state of await taskStatesOf(pid)) taskStates[state] += 1;
    const dir = `/proc/${pid}/fd`;
    for (const fd of (await ifThere(readdir(dir))) ?? []) {
      fileDescriptors += 1;
      if ((await ifThere(readlink(`${dir}/${fd}`)))?.startsWith('socket:')) sockets += 1;
    }
  }
  const limits = (await readKernelFile(`/proc/${firstPid}/limits`)) ?? '';
  return { timestamp, fileDescriptors, sockets, taskStates, softLimits: parseSoftLimits(limits) };
}

/** Of a text of /proc/PID/stat; undefined for a thread that has ended. The name before the state may hold anything. */
export function parseTaskState(text: string): TaskState | undefined {
  return TASK_STATES[text.charAt(text.lastIndexOf(')') + 2)];
}

/** Of a text of /proc/PID/limits: `Max open files  1024  4096  files` is `max_open_files: 1024`. */
export function parseSoftLimits(text: string): Readonly<Record<string, number>> {
  const limits = [...text.matchAll(LIMIT_LINE)].filter(([, , soft]) => soft !== 'unlimited');
  return Object.fromEntries(
    limits.map(([, name = '', soft]) => [name.toLowerCase().replaceAll(' ', '_'), Number(soft)]),
  );
}

async function taskStatesOf(pid: number): Promise<readonly TaskState[]> {
  const dir = `/proc/${pid}/task`;
  const states: TaskState[] = [];
  for (const thread of (await ifThere(readdir(dir))) ?? []) {
    const state = parseTaskState((await readKernelFile(`${dir}/${thread}/stat`)) ?? '');
    if (state !== undefined) states.push(state);
  }
  return states;
}

async function below(dir: string): Promise<readonly string[]> {
  const links = (await ifThere(stat(dir)))?.nlink ?? 0;
  if (links <= LINKS_OF_LEAF) return [];
  const entries = (await ifThere(readdir(dir, { withFileTypes: true }))) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(dir, entry.name));
}

async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
