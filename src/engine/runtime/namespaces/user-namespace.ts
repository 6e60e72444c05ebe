import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { errnoName } from '../../../sys/libc.ts';
import { EngineError, withContext } from '../../errors.ts';
import { within } from '../../rollback.ts';
import type { IdMap } from '../../types/index.ts';

/**
 * A process that holds new user, net, ipc and uts namespaces, the first of which owns the others. The kernel lets no
 * thread of a larger process make a user namespace. Disposing ends it; what was pinned meanwhile stays.
 */
export interface NamespaceHolder extends AsyncDisposable {
  readonly pid: number;
}

/** What makes the native program hold namespaces instead of being a pod's first process. */
const HOLD = 'hold-namespaces';

/** Starts the holder and maps its ids. `program` is the native one that is a pod's PID 1 elsewhere. */
export async function holdNamespaces(program: string, map: IdMap, signal: AbortSignal): Promise<NamespaceHolder> {
  signal.throwIfAborted();
  const child = spawn(program, [HOLD], { stdio: ['pipe', 'pipe', 'ignore'], env: {}, cwd: '/' });
  const ended = endOf(child);
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  try {
    await within(signal, Promise.race([firstByte(child), ended.then(failed)]));
    const { pid } = child;
    if (pid === undefined) throw new EngineError('internal', `${program} has no pid`);
    const line = `0 ${map.hostId} ${map.length}\n`;
    await writeFile(`/proc/${pid}/uid_map`, line);
    await writeFile(`/proc/${pid}/gid_map`, line);
    return { pid, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw withContext(error, 'make a user namespace');
  }
}

interface End {
  readonly code: number | null;
  readonly error?: Error;
}

function endOf(child: ChildProcess): Promise<End> {
  const { promise, resolve } = Promise.withResolvers<End>();
  child.once('error', (error) => resolve({ code: null, error }));
  child.once('exit', (code) => resolve({ code }));
  child.stdin?.on('error', () => undefined); // its end is told by the exit
  return promise;
}

function firstByte(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  child.stdout?.once('data', () => resolve());
  return promise;
}

/** Its exit status is the errno of what failed. */
function failed({ code, error }: End): never {
  if (error !== undefined) throw new EngineError('internal', error.message, { cause: error });
  if (code === null || code === 0) throw new EngineError('internal', 'the process that was to hold it ended');
  const why = errnoName(code);
  const hint = why === 'ENOSPC' ? ': user.max_user_namespaces or a limit like it is reached' : '';
  throw new EngineError(why === 'ENOSPC' ? 'resource-exhausted' : 'failed-precondition', `unshare: ${why}${hint}`);
}
