import { EngineError, kindOf, messageOf, withContext } from './errors.ts';
import { withFaults } from './fault-point.ts';
import type { Work } from './instruments.ts';
import { Rollback, within } from './rollback.ts';
import type { Undo, UndoFailure } from './rollback.ts';

/**
 * An operation is a named list of steps. The list is data, so that a test can walk it (each step can fail, hang, or see
 * davitd die around it), and the type of `step` holds the body to it.
 */
export interface OpDefinition<Name extends string = string> {
  readonly op: string;
  readonly steps: readonly Name[];
}

export function defineOp<const Steps extends readonly string[]>(op: string, steps: Steps): OpDefinition<Steps[number]> {
  return { op, steps };
}

export interface StepBody<T> {
  /** Milliseconds after which the step has failed, whatever `do` goes on doing. */
  readonly deadlineMs: number;
  readonly do: (signal: AbortSignal) => Promise<T>;
  /** Registered before `do` starts. Absent: the step leaves nothing behind. */
  readonly undo?: Undo;
}

export type StepFn<Name extends string> = <T>(name: Name, body: StepBody<T>) => Promise<T>;

/** What a finished step tells logs, metrics and traces. */
export interface StepReport {
  readonly op: string;
  readonly step: string;
  readonly subject: Readonly<Record<string, string>>;
  readonly durationMs: number;
  readonly error?: unknown;
}

export interface OpObserver {
  /** Runs a step's work. Absent: it just runs. */
  around?<T>(work: Work, run: () => Promise<T>): Promise<T>;
  stepEnded(report: StepReport): void;
  /** A failed op could not undo all that it had done. */
  undoFailed(op: string, subject: Readonly<Record<string, string>>, failures: readonly UndoFailure[]): void;
}

export interface OpContext {
  /** What the op works on, for log lines and spans: `{ sandbox: id }`, `{ container: id }`. */
  readonly subject: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly observer: OpObserver;
}

/** Undos get this long unless the step says otherwise; long enough for a CNI DEL on a busy node. */
export const UNDO_DEADLINE_MS = 60_000;

/** Runs `body`; if it throws, undoes its steps in reverse and rethrows. */
export async function runOp<Name extends string, T>(
  definition: OpDefinition<Name>,
  context: OpContext,
  body: (step: StepFn<Name>) => Promise<T>,
): Promise<T> {
  const rollback = new Rollback();
  try {
    return await body((name, step) => runStep(definition.op, name, step, context, rollback));
  } catch (error) {
    const failures = await rollback.run();
    if (failures.length > 0) context.observer.undoFailed(definition.op, context.subject, failures);
    throw error;
  }
}

async function runStep<T>(
  op: string,
  name: string,
  asked: StepBody<T>,
  context: OpContext,
  rollback: Rollback,
): Promise<T> {
  const body = withFaults(op, name, asked);
  const started = performance.now();
  const report = (error?: unknown): void => {
    const durationMs = performance.now() - started;
    context.observer.stepEnded({
      op,
      step: name,
      subject: context.subject,
      durationMs,
      ...(error === undefined ? {} : { error }),
    });
  };
  const { undo } = body;
  try {
    context.signal.throwIfAborted();
    if (undo !== undefined) rollback.add(name, undo, UNDO_DEADLINE_MS);
    const work = (): Promise<T> => withDeadline(body, context.signal);
    const { observer, subject } = context;
    const result = await (observer.around?.({ kind: 'step', name: `${op}/${name}`, attributes: subject }, work) ??
      work());
    report();
    return result;
  } catch (error) {
    report(error);
    throw explain(error, op, name, body.deadlineMs, context.signal);
  }
}

async function withDeadline<T>(body: StepBody<T>, signal: AbortSignal): Promise<T> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(body.deadlineMs)]);
  const work = body.do(both);
  try {
    return await within(both, work);
  } catch (error) {
    // A result that arrives after the abort is released: the undo, idempotent, runs once more behind it.
    const { undo } = body;
    if (both.aborted && undo !== undefined) {
      void work.then(() => undo(AbortSignal.timeout(UNDO_DEADLINE_MS), [])).catch(() => undefined);
    }
    throw error;
  }
}

function explain(error: unknown, op: string, step: string, deadlineMs: number, signal: AbortSignal): EngineError {
  if (signal.aborted) {
    return new EngineError('cancelled', `${op}: cancelled in step ${step}: ${messageOf(signal.reason)}`, {
      cause: error,
    });
  }
  if (kindOf(error) === 'deadline-exceeded' && !(error instanceof EngineError)) {
    return new EngineError('deadline-exceeded', `${op}: step ${step} did not end within ${deadlineMs / 1000} s`, {
      cause: error,
    });
  }
  return withContext(error, step.replaceAll('-', ' '));
}
