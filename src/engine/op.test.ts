import { afterEach, describe, expect, it } from 'vitest';
import { EngineError, kindOf } from './errors.ts';
import { defineOp, runOp } from './op.ts';
import type { OpContext, StepReport } from './op.ts';
import type { UndoFailure } from './rollback.ts';

const OP = defineOp('make-thing', ['first-part', 'second-part', 'third-part']);

function context(signal: AbortSignal = new AbortController().signal) {
  const reports: StepReport[] = [];
  const undoFailures: UndoFailure[] = [];
  const value: OpContext = {
    subject: { thing: 'x' },
    signal,
    observer: {
      stepEnded: (report) => void reports.push(report),
      undoFailed: (_op, _subject, failures) => void undoFailures.push(...failures),
    },
  };
  return { value, reports, undoFailures };
}

afterEach(() => {
  globalThis.davitFault = undefined;
});

describe('runOp()', () => {
  it('reports each step with its subject', async () => {
    const { value, reports } = context();
    const result = await runOp(OP, value, (step) => step('first-part', { deadlineMs: 1000, do: async () => 7 }));
    expect(result).toBe(7);
    expect(reports).toMatchObject([{ op: 'make-thing', step: 'first-part', subject: { thing: 'x' } }]);
  });

  it('undoes in reverse, the failed step too, and names the step in the error', async () => {
    const { value } = context();
    const log: string[] = [];
    const body = (name: string, fails = false) => ({
      deadlineMs: 1000,
      do: async () => {
        log.push(name);
        if (fails) throw new EngineError('not-found', 'the shim is gone');
      },
      undo: async () => void log.push(`undo ${name}`),
    });
    const failed = runOp(OP, value, async (step) => {
      await step('first-part', body('one'));
      await step('second-part', body('two', true));
    });
    await expect(failed).rejects.toThrow('second part: the shim is gone');
    await expect(failed).rejects.toMatchObject({ kind: 'not-found' });
    expect(log).toEqual(['one', 'two', 'undo two', 'undo one']);
  });

  it('goes on past a failed undo, tells the later ones, and reports it', async () => {
    const { value, undoFailures } = context();
    const seen: (readonly UndoFailure[])[] = [];
    const failed = runOp(OP, value, async (step) => {
      await step('first-part', {
        deadlineMs: 1000,
        do: async () => undefined,
        undo: async (_signal, failures) => void seen.push(failures),
      });
      await step('second-part', {
        deadlineMs: 1000,
        do: async () => undefined,
        undo: async () => Promise.reject(new Error('mount is busy')),
      });
      throw new Error('boom');
    });
    await expect(failed).rejects.toThrow('boom');
    expect(seen).toEqual([[{ name: 'second-part', message: 'mount is busy' }]]);
    expect(undoFailures).toEqual([{ name: 'second-part', message: 'mount is busy' }]);
  });

  it('fails a step that hangs past its deadline, and releases its late result', async () => {
    const { value } = context();
    const late = Promise.withResolvers<void>();
    const undone: string[] = [];
    const twice = Promise.withResolvers<void>();
    const failed = runOp(OP, value, (step) =>
      step('first-part', {
        deadlineMs: 5,
        do: () => late.promise,
        undo: async () => {
          undone.push('undo');
          if (undone.length === 2) twice.resolve();
        },
      }),
    );
    await expect(failed).rejects.toThrow('make-thing: step first-part did not end within 0.005 s');
    expect(undone).toEqual(['undo']);
    late.resolve();
    await twice.promise;
    expect(undone).toEqual(['undo', 'undo']);
  });

  it("is cancelled by the operation's signal", async () => {
    const abort = new AbortController();
    const { value } = context(abort.signal);
    const failed = runOp(OP, value, (step) =>
      step('first-part', { deadlineMs: 1000, do: () => new Promise(() => undefined) }),
    );
    abort.abort(new Error('the pod is being stopped'));
    await expect(failed).rejects.toThrow('cancelled in step first-part: the pod is being stopped');
    expect(kindOf(await failed.catch((error: unknown) => error))).toBe('cancelled');
  });

  it('passes the fault point before and after each step', async () => {
    const { value } = context();
    const passed: string[] = [];
    globalThis.davitFault = async (op, step, moment) => void passed.push(`${op} ${moment} ${step}`);
    await runOp(OP, value, (step) => step('third-part', { deadlineMs: 1000, do: async () => undefined }));
    expect(passed).toEqual(['make-thing before third-part', 'make-thing after third-part']);
  });
});
