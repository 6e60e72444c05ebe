import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { EngineError, messageOf } from '../../errors.ts';
import { mountOf, parseMountinfo } from '../../../sys/mountinfo.ts';

/** Gives files on the node a label. */
export interface Labeller {
  /**
   * Labels a file, or a folder with all that it holds; symlinks are labelled themselves and never followed. A file
   * system without labels is success. Throws failed-precondition when the node does not do it.
   */
  label(path: string, label: string, signal: AbortSignal): Promise<void>;
}

/** A volume of a million files takes a while. */
const LABEL_DEADLINE_MS = 100_000;
const run = promisify(execFile);

/** By chcon, as every node with SELinux has it: no walk through volumes of others in davitd itself. */
export function createLabeller(program = 'chcon'): Labeller {
  return {
    async label(path, label, signal) {
      const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
      if (mountOf(parseMountinfo(mountinfo), path)?.labelled !== true) return;
      await runLabeller(program, path, label, signal);
    },
  };
}

async function runLabeller(program: string, path: string, label: string, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.timeout(LABEL_DEADLINE_MS);
  try {
    await run(program, ['--recursive', '-P', '--no-dereference', '--', label, path], {
      signal: AbortSignal.any([signal, deadline]),
      killSignal: 'SIGKILL',
    });
  } catch (error) {
    signal.throwIfAborted();
    const what = `give ${path} the SELinux label ${label}`;
    if (deadline.aborted)
      throw new EngineError('deadline-exceeded', `${what}: not done within ${LABEL_DEADLINE_MS / 1000} s`);
    throw new EngineError('failed-precondition', `${what}: ${messageOf(error)}`, { cause: error });
  }
}
