import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import process from 'node:process';
import type { Readable, Writable } from 'node:stream';

export interface ProcessCall {
  readonly path: string;
  /** Added to the environment of the daemon. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/** How the process ended, and what it printed until then. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** We killed it: the caller's signal aborted, or it printed too much. */
  readonly killed?: 'aborted' | 'output';
}

const STDOUT_MAX_BYTES = 1024 * 1024;
const STDERR_MAX_BYTES = 64 * 1024;
/** Something the process left behind may hold its output open; it is waited for no longer than this. */
const DRAIN_TIMEOUT_MS = 1_000;
/** A killed process is gone at once, unless the kernel holds it; then it is left behind. */
const KILL_TIMEOUT_MS = 5_000;
/** Of the daemon's environment: what would let a child speak for the daemon. */
const PRIVATE_ENV = ['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'LISTEN_FDS', 'LISTEN_PID', 'NODE_OPTIONS'];
/** Plugins run iptables and the like. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * Runs a program in a process group of its own, which is killed as a whole when `signal` aborts. Resolves when it has
 * ended; rejects only when it cannot be started.
 */
export async function runProcess(call: ProcessCall, signal: AbortSignal): Promise<ProcessEnd> {
  const child = spawn(call.path, [], {
    cwd: '/',
    detached: true,
    env: environment(call.env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = Promise.withResolvers<Pick<ProcessEnd, 'code' | 'signal'>>();
  child.once('error', (error) => ended.reject(error));
  child.once('exit', (code, signal) => ended.resolve({ code, signal }));
  // Without a process there may be no streams either (no descriptors left).
  if (child.pid === undefined) return { ...(await ended.promise), stdout: '', stderr: '' };
  let killed: ProcessEnd['killed'];
  const kill = (why: NonNullable<ProcessEnd['killed']>): void => {
    killed ??= why;
    killGroup(child);
    setTimeout(() => ended.resolve({ code: null, signal: null }), KILL_TIMEOUT_MS).unref();
  };
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stdout = collect(child.stdout, STDOUT_MAX_BYTES, () => kill('output'));
  const stderr = collect(child.stderr, STDERR_MAX_BYTES, () => undefined);
  const onAbort = (): void => kill('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    give(child, call.stdin);
    const end = await ended.promise;
    await drained(closed, child);
    return { ...end, stdout: stdout(), stderr: stderr(), ...(killed === undefined ? {} : { killed }) };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function environment(own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !PRIVATE_ENV.includes(name));
  const path = (process.env['PATH'] ?? '').split(':').filter((dir) => dir !== '');
  const PATH = [...path, ...SYSTEM_PATH.filter((dir) => !path.includes(dir))].join(':');
  return { ...Object.fromEntries(inherited), PATH, ...own };
}

function give(child: ChildProcessByStdio<Writable, Readable, Readable>, stdin: string): void {
  child.stdin.on('error', () => undefined); // it may end without reading: its exit tells
  child.stdin.end(stdin);
}

/** Keeps the first `limit` bytes; tells once when there is more. */
function collect(stream: Readable, limit: number, onOverflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    const before = bytes;
    bytes += chunk.length;
    if (before < limit) chunks.push(chunk.subarray(0, limit - before));
    if (before <= limit && bytes > limit) onOverflow();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

async function drained(closed: Promise<void>, child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, DRAIN_TIMEOUT_MS);
  await Promise.race([closed, late.promise]);
  clearTimeout(timer);
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // nobody of the group is left
  }
}
