import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { finished } from 'node:stream/promises';

/**
 * Resolves paths that may hang (a dead network file system, a FUSE daemon that does not answer), in a process of its own.
 * A thread would not do: one of libuv's pool takes a quarter of all file system calls with it, and a thread stuck in the
 * kernel keeps the daemon from exiting. A process can be left behind: it is killed, and ends when the kernel lets it.
 */
export type Probe =
  | { readonly kind: 'resolved'; readonly paths: readonly string[] }
  /** At least one path could not be resolved; `message` is of use for a single path. */
  | { readonly kind: 'failed'; readonly message: string }
  /** No answer in time. `gone` resolves when the process has ended at last. */
  | { readonly kind: 'hung'; readonly gone: Promise<void> };

/** GNU's and busybox' alike; on every system that has a shell. */
const PROGRAM = 'realpath';
const OUTPUT_MAX_BYTES = 4 * 1024 * 1024;

/** Resolves all symlinks of absolute paths that must exist. Rejects with the signal's reason when it aborts. */
export async function probePaths(
  paths: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
  program: string = PROGRAM,
): Promise<Probe> {
  signal.throwIfAborted();
  const child = spawn(program, ['-e', '-z', '--', ...paths], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    detached: true,
  });
  child.unref();
  const ended = endOf(child);
  // Without a process there may be no streams either (no descriptors left).
  if (child.pid === undefined) return { kind: 'failed', message: (await ended).error?.message ?? 'no process' };
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const outcome = await raceAbort(ended, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  if (outcome === 'aborted') {
    child.kill('SIGKILL');
    child.stdout.destroy();
    child.stderr.destroy();
    signal.throwIfAborted();
    return { kind: 'hung', gone: ended.then(() => undefined) };
  }
  const resolved = (await stdout).split('\0').slice(0, -1);
  if (outcome.code === 0 && resolved.length === paths.length) return { kind: 'resolved', paths: resolved };
  return { kind: 'failed', message: reasonIn(await stderr) };
}

interface End {
  readonly code: number | null;
  readonly error?: Error;
}

function endOf(child: ChildProcess): Promise<End> {
  const { promise, resolve } = Promise.withResolvers<End>();
  child.once('error', (error) => resolve({ code: null, error }));
  child.once('exit', (code) => resolve({ code }));
  return promise;
}

async function raceAbort(ended: Promise<End>, signal: AbortSignal): Promise<End | 'aborted'> {
  const { promise, resolve } = Promise.withResolvers<'aborted'>();
  const onAbort = (): void => resolve('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([ended, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= OUTPUT_MAX_BYTES) chunks.push(chunk);
  });
  await finished(stream).catch(() => undefined); // destroyed when the process was given up
  return Buffer.concat(chunks).toString('utf8');
}

/** `realpath: /x: No such file or directory` → the last part. */
function reasonIn(stderr: string): string {
  return stderr.trim().split('\n')[0]?.split(': ').at(-1) ?? '';
}
