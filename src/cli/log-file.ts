import { open, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { LineSplitter, parseLogLine, type LogEntry } from './log-line.ts';

const CHUNK_BYTES = 64 * 1024;
const FOLLOW_INTERVAL_MS = 250;

export interface ReadLogOptions {
  /** Offset of the first entry. */
  readonly from: number;
  /** Whether more may come once the end is reached; asked before the file is read to its end for the last time. */
  readonly mayGrow: () => Promise<boolean>;
}

/** The entries of a log, across rotations while it grows; undefined for each line that is no entry. */
export async function* readLog(path: string, options: ReadLogOptions): AsyncGenerator<LogEntry | undefined> {
  let from = options.from;
  for (;;) {
    await using file = await open(path);
    const splitter = new LineSplitter();
    let growing = true;
    let current = true;
    // The end is read once more after it is known that nobody writes: the last lines came in between.
    while (growing && current) {
      growing = await options.mayGrow();
      current = await isAt(path, file);
      for await (const chunk of readFrom(file, from)) {
        from += chunk.length;
        for (const line of splitter.push(chunk)) yield parseLogLine(line);
      }
      if (growing && current) await sleep(FOLLOW_INTERVAL_MS);
    }
    if (!growing && current) return;
    if (!(await comesBack(path, options))) return;
    from = 0;
  }
}

/** Where the last `count` lines of output start; a line of several entries counts once. */
export async function tailOffset(path: string, count: number): Promise<number> {
  await using file = await open(path);
  const splitter = new LineSplitter();
  const starts: number[] = [];
  let offset = 0;
  let whole = true;
  for await (const chunk of readFrom(file, 0)) {
    for (const line of splitter.push(chunk)) {
      if (whole) starts.push(offset);
      if (starts.length > count) starts.shift();
      whole = parseLogLine(line)?.partial !== true;
      offset += line.length + 1;
    }
  }
  return count === 0 ? offset : (starts[0] ?? 0);
}

async function* readFrom(file: FileHandle, from: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let at = from; ;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** False when the log was rotated: the path names another file, or none for a moment. */
async function isAt(path: string, file: FileHandle): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  return there?.ino === (await file.stat()).ino;
}

/** Waits for the new file of a rotation; false when nobody is left to make it. */
async function comesBack(path: string, options: ReadLogOptions): Promise<boolean> {
  for (;;) {
    const growing = await options.mayGrow();
    if ((await stat(path).catch(() => undefined)) !== undefined) return true;
    if (!growing) return false;
    await sleep(FOLLOW_INTERVAL_MS);
  }
}
