import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { EngineError, messageOf } from '../../errors.ts';

/** Ten times the largest profile that anybody is known to have. */
export const MAX_PROFILE_BYTES = 1024 * 1024;

/**
 * The text of a profile. Throws invalid-argument naming the file for one that is missing, too large or no regular file;
 * a pipe or a device is never waited for.
 */
export async function readProfileFile(path: string, maxBytes: number = MAX_PROFILE_BYTES): Promise<string> {
  const handle = await openFile(path);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new EngineError('invalid-argument', `${path}: is not a regular file`);
    // A file that grows meanwhile is seen by the byte that it has too many.
    const buffer = Buffer.alloc(maxBytes + 1);
    const { bytesRead } = await handle.read(buffer, 0, Math.min(stats.size, maxBytes) + 1, 0);
    if (Math.max(stats.size, bytesRead) > maxBytes) {
      throw new EngineError('invalid-argument', `${path}: is larger than ${maxBytes} bytes`);
    }
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    throw new EngineError('invalid-argument', `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
