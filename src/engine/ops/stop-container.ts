import { defineOp, runOp } from '../op.ts';
import { within } from '../rollback.ts';
import type { ContainerRecord } from '../store/index.ts';
import { endUnknown } from './end-unknown.ts';
import { KILL_TIMES, killContainer } from './kill-container.ts';
import type { KillContainerDeps, KillTimes } from './kill-container.ts';
import type { OpsDeps } from './deps.ts';
import { endsWithin, LONGEST_TIMER_MS, sendSignal } from './send-signal.ts';
import { signalNumber } from './signals.ts';

export type StopContainerDeps = KillContainerDeps & Pick<OpsDeps, 'observer'>;

export const STOP_CONTAINER = defineOp('stop-container', ['grace', 'kill']);

/** More than all rungs of the kill together. */
const KILL_DEADLINE_MS = 115_000;
/** Beyond the grace period, for the end of a container that came with it. */
const GRACE_SPARE_MS = 10_000;
const NEVER = new AbortController().signal;

/**
 * Ends a container: its stop signal, then after the grace period SIGKILL, then by harder means until it is dead; see
 * killContainer(). Returns when its exit has been recorded. Unknown ids and ended containers are fine. Every call runs a grace
 * period of its own, so that a second, shorter one shortens the first; the kill is one for all of them and goes on when
 * its callers go. Waiting holds no place in any queue.
 */
export async function stopContainer(
  deps: StopContainerDeps,
  id: string,
  graceSeconds: number,
  signal: AbortSignal,
  times: KillTimes = KILL_TIMES,
): Promise<void> {
  const found = deps.store.containers.find(id);
  if (found === undefined) return;
  const record = await afterStart(deps, found, signal);
  if (record?.state.phase === 'unknown') return await endUnknown(deps, record, signal);
  if (record?.state.phase !== 'running') return;
  const graceMs = graceSeconds * 1000;
  const subject = { container: record.id, sandbox: record.sandboxId };
  // The caller's signal ends its wait, not the kill.
  const context = { subject, signal: NEVER, observer: deps.observer };
  await runOp(STOP_CONTAINER, context, async (step) => {
    if (graceMs > 0) {
      const ended = await step('grace', {
        deadlineMs: Math.min(graceMs + GRACE_SPARE_MS, LONGEST_TIMER_MS),
        do: (by) => endsInGrace(deps, record, graceMs, AbortSignal.any([by, signal]), times),
      });
      if (ended) return;
    }
    await step('kill', { deadlineMs: KILL_DEADLINE_MS, do: () => within(signal, killOnce(deps, record, times)) });
  });
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

/** The grace period runs from the call, however long the signal takes to be sent. */
async function endsInGrace(
  deps: StopContainerDeps,
  record: ContainerRecord,
  graceMs: number,
  signal: AbortSignal,
  times: KillTimes,
): Promise<boolean> {
  const exited = deps.exits.settled(record.id);
  // Its own failures are told by the log: SIGKILL comes after it in any case.
  void sendSignal(deps, record, signalNumber(record.stopSignal), times.callMs);
  return await endsWithin(exited, graceMs, signal);
}

/** All stops of a container share one kill. */
function killOnce(deps: StopContainerDeps, record: ContainerRecord, times: KillTimes): Promise<void> {
  const running = deps.kills.get(record.id);
  if (running !== undefined) return running;
  const kill = killContainer(deps, record, times).finally(() => deps.kills.delete(record.id));
  kill.catch(() => undefined); // when its callers have gone, the next stop tries again
  deps.kills.set(record.id, kill);
  return kill;
}
