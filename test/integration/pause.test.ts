import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPause, type Arch } from '../../hack/lib/build-native.ts';

const LIMIT_BYTES = 1_000_000;

let folder: string;
let program: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dv-pause-'));
  const built = buildPause(process.arch as Arch, folder);
  if (built === undefined) throw new Error('there is no C compiler: install gcc');
  program = built;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('davit-pause as PID 1 of a PID namespace', () => {
  it('is a static program under 1 MB', () => {
    expect(statSync(program).size).toBeLessThan(LIMIT_BYTES);
    expect(readFileSync(program).includes('/ld-linux')).toBe(false);
  });

  it('takes in orphans and lets no zombie stay', async () => {
    await using pod = await startPod();
    // The shell between them and PID 1 ends at once: that makes two orphans.
    pod.inside('sh', '-c', 'sleep 1000 & sleep 1000 &');
    const orphans = await until(
      () => childrenOf(pod.pid),
      (pids) => pids.length === 2,
    );
    process.kill(pod.pid, 'SIGSTOP');
    for (const pid of orphans) process.kill(pid, 'SIGKILL');
    await until(
      () => orphans.map(stateOf),
      (states) => states.every((state) => state === 'Z'),
    );
    process.kill(pod.pid, 'SIGCONT');
    await until(
      () => orphans.map(stateOf),
      (states) => states.every((state) => state === undefined),
    );
    expect(stateOf(pod.pid)).toBe('S');
  });

  it('reaps a burst of children that end while it is busy with others', async () => {
    await using pod = await startPod();
    pod.inside('sh', '-c', 'for i in $(seq 200); do (exit 3) & done');
    await until(
      () => childrenOf(pod.pid),
      (pids) => pids.length === 0,
    );
    expect(stateOf(pod.pid)).toBe('S');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends with exit code 0 on %s from outside, and its pod with it',
    async (signal) => {
      await using pod = await startPod();
      pod.inside('sh', '-c', 'sleep 1000 &');
      const orphans = await until(
        () => childrenOf(pod.pid),
        (pids) => pids.length === 1,
      );
      process.kill(pod.pid, signal);
      expect(await pod.ended).toEqual([0, null]);
      expect(orphans.map(stateOf)).toEqual([undefined]);
    },
  );

  it('ends on TERM from inside the pod', async () => {
    await using pod = await startPod();
    // No word about the exit of kill: the kernel ends it with the pod, if it is still there.
    pod.run('kill', '-TERM', '1');
    expect(await pod.ended).toEqual([0, null]);
  });

  it('is not hurt by other signals', async () => {
    await using pod = await startPod();
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGPIPE', 'SIGQUIT', 'SIGALRM'] as const) process.kill(pod.pid, signal);
    pod.inside('kill', '-KILL', '1');
    pod.inside('true');
    expect(stateOf(pod.pid)).toBe('S');
  });

  it('shares under 1 MB of memory (PSS)', async () => {
    await using pod = await startPod();
    const rollup = readFileSync(`/proc/${pod.pid}/smaps_rollup`, 'utf8');
    const kibibytes = Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]);
    expect(kibibytes * 1024).toBeGreaterThan(0);
    expect(kibibytes * 1024).toBeLessThan(LIMIT_BYTES);
  });
});

async function startPod() {
  const unshare = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', program], { stdio: 'ignore' });
  const ended = once(unshare, 'exit');
  const [pid] = await until(
    () => childrenOf(unshare.pid ?? 0),
    ([child]) => child !== undefined && runs(child),
  );
  if (pid === undefined) throw new Error('unshare started nothing');
  function run(...command: readonly string[]): number | null {
    const args = ['--target', String(pid), '--pid', '--mount', ...command];
    // No pipes: what stays behind in the pod would hold them open.
    return spawnSync('nsenter', args, { stdio: 'ignore' }).status;
  }
  return {
    pid,
    ended,
    run,
    inside(...command: readonly string[]) {
      expect(run(...command)).toBe(0);
    },
    [Symbol.asyncDispose]: () => end(pid, ended),
  };
}

/** Ends the pod's PID 1, and unshare with it, which waits for it: nobody else has to reap. */
async function end(pid: number, ended: Promise<unknown>): Promise<void> {
  if (stateOf(pid) !== undefined) process.kill(pid, 'SIGKILL');
  await ended;
}

/** True once the process waits in our program: between exec and there, it never sleeps. */
function runs(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('davit-pause') && stateOf(pid) === 'S';
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** The letter of /proc/PID/stat; undefined when there is no such process. */
function stateOf(pid: number): string | undefined {
  try {
    return /\) (.)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** Asks until the answer is good; the test's own time limit ends a wait for what never comes. */
async function until<T>(ask: () => T, good: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = ask();
    if (good(answer)) return answer;
    await sleep(5);
  }
}
