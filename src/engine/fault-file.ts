import { readFileSync, renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** One fault, as a test writes it into the file that DAVIT_FAULT_FILE names. It happens once. */
export interface Fault {
  readonly op: string;
  readonly step: string;
  readonly moment: 'before' | 'after';
  /**
   * `error`: the step throws. `hang`: the step's deadline is `deadlineMs`, and it goes on only long after that, whatever
   * its signal says. `kill`: davitd ends at once.
   */
  readonly action: 'error' | 'hang' | 'kill';
  readonly deadlineMs: number;
}

export interface FaultOfStep {
  readonly hook?: (moment: 'before' | 'after') => Promise<void>;
  readonly deadlineMs?: number;
}

/** Added to the file's name when the fault happens: the test knows then, and it does not happen again. */
export const HIT_SUFFIX = '.hit';
/** A hung step goes on after so many deadlines. */
const HANG_DEADLINES = 3;

/** What the file has for this step now. */
export function faultOfFile(op: string, step: string): FaultOfStep {
  const path = process.env['DAVIT_FAULT_FILE'];
  const fault = path === undefined ? undefined : readFault(path);
  if (path === undefined || fault?.op !== op || fault.step !== step) return {};
  const hook = async (moment: 'before' | 'after'): Promise<void> => {
    if (moment !== fault.moment || !claim(path)) return;
    if (fault.action === 'kill') process.kill(process.pid, 'SIGKILL');
    if (fault.action === 'hang') return await sleep(HANG_DEADLINES * fault.deadlineMs);
    throw new Error(`injected ${moment} ${op} ${step}`);
  };
  return fault.action === 'hang' ? { hook, deadlineMs: fault.deadlineMs } : { hook };
}

function readFault(path: string): Fault | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Fault;
  } catch {
    return undefined; // none is planned
  }
}

/** True for the one who comes first. */
function claim(path: string): boolean {
  try {
    renameSync(path, `${path}${HIT_SUFFIX}`);
    return true;
  } catch {
    return false;
  }
}
