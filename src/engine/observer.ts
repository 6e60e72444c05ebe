import { messageOf } from './errors.ts';
import type { Instruments } from './instruments.ts';
import type { Logger } from './logger.ts';
import type { OpObserver, StepReport } from './op.ts';

/** A step that takes longer is named in the log, whatever its level. */
const SLOW_STEP_MS = 2_000;

/** Tells the log of steps, and `count` (metrics) of every one of them. */
export function createObserver(
  logger: Logger,
  count: (report: StepReport) => void,
  instruments: Instruments,
): OpObserver {
  return {
    around: (work, run) => instruments.around(work, run),
    stepEnded: (report) => {
      count(report);
      const { op, step, subject, durationMs, error } = report;
      const fields = {
        ...subject,
        op,
        step,
        ms: Math.round(durationMs),
        ...(error === undefined ? {} : { error: messageOf(error) }),
      };
      if (durationMs > SLOW_STEP_MS) logger.info(fields, 'slow step');
      else logger.debug(fields, error === undefined ? 'step done' : 'step failed');
    },
    undoFailed: (op, subject, failures) => {
      logger.error(
        { ...subject, op, failures },
        'not everything could be undone; the object stays until it is removed',
      );
    },
  };
}
