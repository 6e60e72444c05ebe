import { EngineError } from '../errors.ts';
import { within } from '../rollback.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';
import { SIGKILL, signalNumber } from './signals.ts';

export type StopContainerDeps = Pick<
  OpsDeps,
  'store' | 'tasks' | 'exits' | 'cgroups' | 'containerLocks' | 'oomKillsBeforeKill'
>;

/** How long SIGKILL may take through the shim before every process of the cgroup is killed directly. */
const KILL_WAIT_MS = 10_000;
const CALL_DEADLINE_MS = 20_000;

/**
 * Ends a container: its stop signal, then after the grace period SIGKILL, then the whole cgroup. Returns when its exit has
 * been recorded and no process is left. Unknown and ended containers are fine. Every call runs a grace period of its own,
 * so that a second, shorter one shortens the first.
 */
export async function stopContainer(
  deps: StopContainerDeps,
  id: string,
  graceSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const found = deps.store.containers.find(id);
  if (found === undefined) return;
  const record = await afterStart(deps, found, signal);
  if (record?.state.phase !== 'running') return;
  const exited = deps.exits.settled(record.id);
  if (graceSeconds > 0) {
    const sent = await deps.tasks.kill(record.id, signalNumber(record.stopSignal), false, callDeadline(signal));
    if (!sent || (await endsWithin(exited, graceSeconds * 1000, signal))) return await within(signal, exited);
  }
  await noteOomKills(deps, record);
  await deps.tasks.kill(record.id, SIGKILL, true, callDeadline(signal));
  if (await endsWithin(exited, KILL_WAIT_MS, signal)) return;
  await deps.cgroups.killAll(record.cgroupPath, AbortSignal.any([signal, AbortSignal.timeout(KILL_WAIT_MS)]));
  if (await endsWithin(exited, KILL_WAIT_MS, signal)) return;
  throw new EngineError(
    'deadline-exceeded',
    `container ${record.id} did not end ${KILL_WAIT_MS / 1000} s after SIGKILL to all of its processes (init pid ${record.state.pid}); ` +
      `see /proc/${record.state.pid}/stack for where the kernel holds it`,
  );
}

/** A start that is under way holds the container's lock; what it comes to is seen after it. */
async function afterStart(
  deps: StopContainerDeps,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<ContainerRecord | undefined> {
  if (record.state.phase !== 'starting') return record;
  return await deps.containerLocks.run(record.id, signal, async () => deps.store.containers.get(record.id));
}

async function noteOomKills(deps: StopContainerDeps, { id, cgroupPath }: ContainerRecord): Promise<void> {
  const count = await deps.cgroups.oomKillCount(cgroupPath);
  // Of several stops at once the first has killed: what dies after that is not known to be of our doing.
  if (!deps.oomKillsBeforeKill.has(id)) deps.oomKillsBeforeKill.set(id, count);
}

function callDeadline(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(CALL_DEADLINE_MS)]);
}

/** True when `exited` comes within the time; throws when the caller's signal aborts first. */
async function endsWithin(exited: Promise<void>, milliseconds: number, signal: AbortSignal): Promise<boolean> {
  const { promise: timedOut, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  try {
    return await within(signal, Promise.race([exited.then(() => true), timedOut]));
  } finally {
    clearTimeout(timer);
  }
}
