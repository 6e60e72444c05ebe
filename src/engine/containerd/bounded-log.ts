import { copyFileSync, openSync, statSync, truncateSync } from 'node:fs';

/** The size at which a log is set aside as `<path>.1`, in bytes. Together they take at most about twice that. */
const LIMIT_BYTES = 16 * 1024 * 1024;
/** Such logs can hold names of images and containers. */
const LOG_MODE = 0o600;

/** Opens a log for a program to write to, at its end. The caller closes the descriptor. */
export function openLog(path: string): number {
  return openSync(path, 'a', LOG_MODE);
}

/** Sets a log aside when it has grown too large. Its writer has it open for appending and goes on at the new beginning. */
export function boundLog(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size < LIMIT_BYTES) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}
