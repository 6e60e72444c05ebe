import { closeSync, constants, mkdirSync, openSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makeFifo } from '../../sys/fifo.ts';
import type { ExecIo } from './processes.ts';

const FOLDER_MODE = 0o700;
const FIFO_MODE = 0o600;
const READER = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
/** For reading, too, so that the open does not wait for the reader, and no reader that leaves ends us by SIGPIPE. */
const WRITER = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** The FIFOs of one exec, in a folder of their own that is named after it. */
export interface ExecFifos {
  readonly io: ExecIo;
  readonly removeFolder: () => void;
}

/** Makes folder and FIFOs. Throws EEXIST when the folder is there already. */
export function makeExecFifos(folder: string, request: { readonly tty: boolean; readonly stdin: boolean }): ExecFifos {
  const io: ExecIo = {
    stdout: join(folder, 'stdout'),
    ...(request.tty ? {} : { stderr: join(folder, 'stderr') }),
    ...(request.stdin ? { stdin: join(folder, 'stdin') } : {}),
  };
  mkdirSync(folder, { mode: FOLDER_MODE });
  try {
    for (const path of [io.stdin, io.stdout, io.stderr]) if (path !== undefined) makeFifo(path, FIFO_MODE);
  } catch (error) {
    removeExecFolder(folder);
    throw error;
  }
  return { io, removeFolder: () => removeFifosAndFolder(folder, io) };
}

/** With what was made, and nothing else, in it: three calls instead of a search. */
function removeFifosAndFolder(folder: string, { stdin, stdout, stderr }: ExecIo): void {
  try {
    for (const path of [stdin, stdout, stderr]) if (path !== undefined) unlinkSync(path);
    rmdirSync(folder);
  } catch {
    removeExecFolder(folder); // another davitd has begun to
  }
}

export function removeExecFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Opens an output's reading end, before anyone writes. */
export function openReader(path: string): number {
  return openSync(path, READER);
}

export function openWriter(path: string): number {
  return openSync(path, WRITER);
}

/** Opens both outputs or none. */
export function openReaders({ stdout, stderr }: ExecIo): { readonly stdout: number; readonly stderr?: number } {
  const out = openReader(stdout);
  if (stderr === undefined) return { stdout: out };
  try {
    return { stdout: out, stderr: openReader(stderr) };
  } catch (error) {
    closeSync(out);
    throw error;
  }
}
