import { nowNanos } from '../clock.ts';
import { EngineError, isKind, messageOf } from '../errors.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';
import { podShims } from './pod-shims.ts';
import { endsWithin, isSilence, SEND_PATIENCE_MS } from './send-signal.ts';
import { SIGKILL } from './signals.ts';

export type KillContainerDeps = Pick<
  OpsDeps,
  | 'store'
  | 'tasks'
  | 'exits'
  | 'cgroups'
  | 'containerLocks'
  | 'oomKillsBeforeKill'
  | 'kills'
  | 'shims'
  | 'marks'
  | 'work'
  | 'logger'
>;

/** How long each rung of the kill may take, in ms. */
export interface KillTimes {
  /** A call to the shim. */
  readonly callMs: number;
  /** From a kill to the news of the exit. */
  readonly exitMs: number;
  /** SIGKILL to every process of the cgroup. */
  readonly cgroupMs: number;
}

/** Together less than the two minutes that the kubelet waits beyond the grace period. */
export const KILL_TIMES: KillTimes = { callMs: 10_000, exitMs: 10_000, cgroupMs: 10_000 };

/** Times `callMs`. */
const SIBLINGS_PATIENCE = 3;
const NEVER = new AbortController().signal;
/** The exit code of what SIGKILL ended. */
const KILLED = 128 + SIGKILL;

/**
 * Kills a running container, by harder means as the softer ones do not help:
 *   SIGKILL through the shim → SIGKILL to the whole cgroup → SIGKILL to the shim, when it does not answer.
 * With no process left in its cgroup the container is dead, whatever its shim says or fails to say. What the kernel holds
 * is named in the error. Returns when the exit has been recorded.
 */
export async function killContainer(
  deps: KillContainerDeps,
  record: ContainerRecord,
  times: KillTimes = KILL_TIMES,
): Promise<void> {
  const { id, cgroupPath } = record;
  const exited = deps.exits.settled(id);
  const ends = async (): Promise<boolean> => (await endsWithin(exited, times.exitMs, NEVER)) || !isRunning(deps, id);
  await noteOomKills(deps, record);
  if ((await killByShim(deps, id, times)) === 'answered' && (await ends())) return;
  deps.logger.warn({ container: id }, 'SIGKILL through the shim did not end a container; killing all of its cgroup');
  await deps.cgroups.killAll(cgroupPath, AbortSignal.timeout(times.cgroupMs));
  // One that serves other containers may be slow for a while, before they are given up with it.
  const patience = hasSiblings(deps, record) ? SIBLINGS_PATIENCE : 1;
  const answer = await killByShim(deps, id, { ...times, callMs: patience * times.callMs });
  if (answer !== 'silent' && (await ends())) return;
  if (answer === 'unavailable') {
    throw new EngineError(
      'unavailable',
      `container ${id} has no process left; its exit is recorded when containerd is back`,
    );
  }
  await demandEmpty(deps, record);
  // Before the shim goes: containerd would then not know how the container ended.
  deps.exits.declare(id, { exitCode: KILLED, exitedAt: nowNanos() });
  if (answer === 'silent') await killShims(deps, record);
  if (await ends()) return;
  throw new EngineError('deadline-exceeded', `the exit of container ${id}, which has no process left, is not recorded`);
}

type Answer = 'answered' | 'silent' | 'unavailable';

async function killByShim({ tasks, work, logger }: KillContainerDeps, id: string, times: KillTimes): Promise<Answer> {
  try {
    const send = (): Promise<boolean> => tasks.kill(id, SIGKILL, true, AbortSignal.timeout(times.callMs));
    await work.run(NEVER, send, SEND_PATIENCE_MS);
    return 'answered';
  } catch (error) {
    logger.warn({ container: id, error: messageOf(error) }, 'SIGKILL through the shim failed');
    if (isSilence(error)) return 'silent';
    return isKind(error, 'unavailable') ? 'unavailable' : 'answered';
  }
}

async function demandEmpty({ cgroups }: KillContainerDeps, { id, cgroupPath }: ContainerRecord): Promise<void> {
  if (await cgroups.isEmpty(cgroupPath)) return;
  throw new EngineError('deadline-exceeded', `container ${id} has processes again after all of them were killed`);
}

/** A shim that does not answer is of no use to the rest of the pod either: containerd cleans up after it. */
async function killShims(deps: KillContainerDeps, { id, sandboxId }: ContainerRecord): Promise<void> {
  for (const shim of await podShims(deps, sandboxId)) {
    if (await deps.shims.kill(shim)) {
      deps.logger.warn({ container: id, sandbox: sandboxId, pid: shim.pid }, 'killed a shim that does not answer');
    }
  }
}

/** Containers of the pod that run and are not being killed themselves. */
function hasSiblings({ store, kills }: KillContainerDeps, { sandboxId }: ContainerRecord): boolean {
  return store.containers
    .all()
    .some((other) => other.sandboxId === sandboxId && other.state.phase === 'running' && !kills.has(other.id));
}

function isRunning({ store }: KillContainerDeps, id: string): boolean {
  return store.containers.get(id)?.state.phase === 'running';
}

async function noteOomKills(deps: KillContainerDeps, { id, cgroupPath }: ContainerRecord): Promise<void> {
  const count = await deps.cgroups.oomKillCount(cgroupPath);
  // Of several stops at once the first has killed: what dies after that is not known to be of our doing.
  if (!deps.oomKillsBeforeKill.has(id)) deps.oomKillsBeforeKill.set(id, count);
}
