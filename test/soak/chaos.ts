import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { draw, type Random } from '../e2e/support/random.ts';
import type { NodeDaemon } from './daemons.ts';

export const KILLS = ['davitd', 'pump', 'containerd', 'shim'] as const;
export type Kill = (typeof KILLS)[number];

export interface ChaosDeps {
  readonly random: Random;
  readonly kills: readonly Kill[];
  readonly counts: Record<Kill, number>;
  readonly davitd: NodeDaemon;
  readonly containerd: NodeDaemon;
  /** Holds the pump's pid. */
  readonly pumpLock: string;
  /** Pids of the node's shims. */
  readonly shims: () => Promise<readonly number[]>;
  readonly answers: (daemon: 'davitd' | 'containerd') => Promise<boolean>;
  readonly say: (text: string) => void;
}

const LONGEST_REST_MS = 3000;
const LONGEST_OUTAGE_MS = 2500;
const POLL_INTERVAL_MS = 100;
const START_DEADLINE_MS = 60_000;

/** Kills one thing after the other, by SIGKILL, and starts the daemons again, until told to stop: then all of them run. */
export async function chaos(deps: ChaosDeps, stop: AbortSignal): Promise<void> {
  while (!stop.aborted && deps.kills.length > 0) {
    await sleep(deps.random() * LONGEST_REST_MS, undefined, { signal: stop }).catch(() => undefined);
    const [kill] = draw(deps.random, deps.kills, 1);
    if (kill !== undefined && !stop.aborted) await killOne(deps, kill);
  }
}

async function killOne(deps: ChaosDeps, kill: Kill): Promise<void> {
  deps.counts[kill]++;
  if (kill === 'davitd' || kill === 'containerd') return await outage(deps, kill);
  if (kill === 'pump') return killProcess(Number(readFileSync(deps.pumpLock, 'utf8')));
  const [shim] = draw(deps.random, await deps.shims(), 1);
  if (shim !== undefined) killProcess(shim);
}

async function outage(deps: ChaosDeps, name: 'davitd' | 'containerd'): Promise<void> {
  const daemon = deps[name];
  await daemon.kill();
  await sleep(deps.random() * LONGEST_OUTAGE_MS);
  daemon.start();
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!(await deps.answers(name))) {
    if (Date.now() > deadline) throw new Error(`${name} does not answer ${START_DEADLINE_MS / 1000} s after its start`);
    await sleep(POLL_INTERVAL_MS);
  }
}

/** It may have ended by itself. */
function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // as well
  }
}
