import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** A pipe or a device is opened at once, or not at all, so that it can be told from a file. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * The text of a file that somebody else has named. Throws an error that names it for one that is missing, larger than
 * `maxBytes` or no regular file; a pipe or a device is never waited for.
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<string> {
  const handle = await opened(path);
  try {
    const stats = await handle.stat();
    const room = roomFor(path, { isFile: stats.isFile(), size: stats.size, maxBytes });
    const { bytesRead } = await handle.read(room, 0, room.length, 0);
    return textOf(path, room, bytesRead);
  } finally {
    await handle.close();
  }
}

/** As readRegularFile(), before there is anything that could be kept waiting. */
export function readRegularFileSync(path: string, maxBytes: number): string {
  const fd = openedSync(path);
  try {
    const stats = fstatSync(fd);
    const room = roomFor(path, { isFile: stats.isFile(), size: stats.size, maxBytes });
    return textOf(path, room, readSync(fd, room, 0, room.length, 0));
  } finally {
    closeSync(fd);
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, FLAGS);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function openedSync(path: string): number {
  try {
    return openSync(path, FLAGS);
  } catch (error) {
    throw unreadable(path, error);
  }
}

interface Found {
  readonly isFile: boolean;
  readonly size: number;
  readonly maxBytes: number;
}

/** One byte more than the file has, by which one that grows meanwhile is seen. */
function roomFor(path: string, { isFile, size, maxBytes }: Found): Buffer {
  if (!isFile) throw new Error(`${path}: is not a regular file`);
  if (size > maxBytes) throw new Error(`${path}: is larger than ${maxBytes} bytes`);
  return Buffer.alloc(size + 1);
}

function textOf(path: string, room: Buffer, bytesRead: number): string {
  if (bytesRead === room.length) throw new Error(`${path}: grows while it is read`);
  return room.toString('utf8', 0, bytesRead);
}

function unreadable(path: string, cause: unknown): Error {
  return new Error(`${path}: cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}
