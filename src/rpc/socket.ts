import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { EngineError, messageOf } from '../engine/index.ts';

/** sockaddr_un's path without its final NUL: the kernel cuts what is longer. */
const MAX_SOCKET_PATH_BYTES = 107;
/** Everyone may reach the sockets below, whose own modes decide who may use them; nobody else may list them. */
const SOCKET_DIRECTORY_MODE = 0o711;
/** A live server's backlog takes a connection at once. */
const PROBE_TIMEOUT_MS = 2_000;

/**
 * Makes way for a server at `path`: the directory is there and nothing lies in the way. A socket that nobody serves is
 * removed; one that is served, or anything else at that path, is an error.
 */
export async function prepareSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new EngineError('invalid-argument', `socket ${path}: the path is longer than ${MAX_SOCKET_PATH_BYTES} bytes`);
  }
  await makeDirectory(dirname(path));
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new EngineError('failed-precondition', `socket ${path}: something else is there; move it away`);
  }
  if (await isServed(path)) {
    throw new EngineError('already-exists', `socket ${path}: another process serves it; is davitd running already?`);
  }
  await rm(path, { force: true });
}

async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: SOCKET_DIRECTORY_MODE });
  // A umask may have taken bits away; a directory that was there keeps its mode.
  if (first !== undefined) await chmod(directory, SOCKET_DIRECTORY_MODE);
}

function isServed(path: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = createConnection({ path, timeout: PROBE_TIMEOUT_MS });
  socket.once('connect', () => resolve(true));
  // Connected or not, somebody holds it.
  socket.once('timeout', () => resolve(true));
  socket.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
    else reject(new EngineError('unavailable', `socket ${path}: ${messageOf(error)}`, { cause: error }));
  });
  return promise.finally(() => socket.destroy());
}
