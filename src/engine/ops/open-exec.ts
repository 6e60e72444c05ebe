import { EngineError } from '../errors.ts';
import type { ExecRequest, ExecSession, ExecTarget } from '../exec/index.ts';
import { defineOp, runOp } from '../op.ts';
import type { Handlers } from '../runtime/handlers.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { OpsDeps } from './deps.ts';

export type OpenExecDeps = Pick<OpsDeps, 'store' | 'execs' | 'observer' | 'work' | 'handlers'>;

export const OPEN_EXEC = defineOp('open-exec', ['start-process']);

/** More than what making and starting the process may take. */
const START_DEADLINE_MS = 140_000;

/** Starts a further process in a running container. The session is the caller's, who disposes of it. */
export async function openExec(
  deps: OpenExecDeps,
  id: string,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<ExecSession> {
  const record = deps.store.containers.need(id);
  const target = targetOf(deps.handlers, record);
  if (target === undefined) {
    const { phase } = record.state;
    throw new EngineError('failed-precondition', `container ${record.id} is ${phase}; commands run in a running one`);
  }
  const subject = { container: record.id, sandbox: record.sandboxId };
  let opened: ExecSession | undefined;
  return await runOp(OPEN_EXEC, { subject, signal, observer: deps.observer }, (step) =>
    step('start-process', {
      deadlineMs: START_DEADLINE_MS,
      do: (stepSignal) =>
        deps.work.run(stepSignal, async () => (opened = await deps.execs.open(target, request, stepSignal))),
      undo: async () => await opened?.[Symbol.asyncDispose](),
    }),
  );
}

/** Where a container's processes are; undefined for one that is gone or does not run. */
export function execTarget(
  { store, handlers }: Pick<OpsDeps, 'store' | 'handlers'>,
  containerId: string,
): ExecTarget | undefined {
  const record = store.containers.get(containerId);
  return record === undefined ? undefined : targetOf(handlers, record);
}

/** A handler may be gone while its containers go on. */
function targetOf(
  handlers: Pick<Handlers, 'all'>,
  { id, cgroupPath, state, handlerName }: ContainerRecord,
): ExecTarget | undefined {
  if (state.phase !== 'running') return undefined;
  const handler = handlers.all.find(({ name }) => name === handlerName);
  return { id, cgroupPath, pid: state.pid, cpuAffinity: handler?.config.execCpuAffinity ?? 'all' };
}
