import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLock } from '../sys/flock.ts';

const LOCK_MODE = 0o600;
const POLL_INTERVAL_MS = 1;
/** A pump that is told to end has let go of everything in milliseconds; one that cannot answer is killed. */
const RETIRE_DEADLINE_MS = 5000;
const KILL_DEADLINE_MS = 5000;

/**
 * Takes the lock that only one pump of a state folder has, and writes the pid into it. The kernel gives it back when this
 * process ends, however that comes. Undefined if another pump has it; but the one with the pid `predecessor` is ended
 * first, by SIGTERM, and if that does nothing by SIGKILL: it leaves nothing undone either way.
 */
export async function takeLock(path: string, predecessor?: number): Promise<Disposable | undefined> {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, LOCK_MODE);
  if (!tryLock(fd) && !(await endPredecessor(fd, path, predecessor))) {
    closeSync(fd);
    return undefined;
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0);
  return { [Symbol.dispose]: () => closeSync(fd) };
}

/** True with the lock taken. A process that does not hold the lock is never signalled. */
async function endPredecessor(fd: number, path: string, pid: number | undefined): Promise<boolean> {
  if (pid === undefined || Number(readFileSync(path, 'utf8')) !== pid) return false;
  process.kill(pid, 'SIGTERM');
  process.kill(pid, 'SIGCONT'); // one that is stopped takes the other signal, too, as soon as it goes on
  if (await lockedWithin(fd, RETIRE_DEADLINE_MS)) return true;
  if (Number(readFileSync(path, 'utf8')) !== pid) return false;
  process.kill(pid, 'SIGKILL');
  return await lockedWithin(fd, KILL_DEADLINE_MS);
}

async function lockedWithin(fd: number, milliseconds: number): Promise<boolean> {
  for (const end = performance.now() + milliseconds; performance.now() < end;) {
    if (tryLock(fd)) return true;
    await sleep(POLL_INTERVAL_MS);
  }
  return false;
}
