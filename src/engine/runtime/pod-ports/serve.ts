import { closeSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import { startConnect } from '../../../sys/tcp.ts';
import { LostError } from '../namespaces/home.ts';
import type { Home } from '../namespaces/home.ts';
import { LOST_EXIT_CODE } from '../namespaces/protocol.ts';
import type { ConnectReply, ConnectRequest, Problem } from './protocol.ts';

/**
 * Serves requests on the thread that goes into pods' network namespaces: a socket belongs to the namespace that it was made
 * in, wherever it is used. Nothing here waits. `exit` ends the thread.
 */
export function servePodPorts(port: MessagePort, home: Home, exit: (code: number) => void): void {
  port.on('message', (request: ConnectRequest) => {
    const reply = answer(request, home);
    port.postMessage(reply);
    if ('lost' in reply && reply.lost) exit(LOST_EXIT_CODE);
  });
}

function answer({ id, netns, family, port }: ConnectRequest, home: Home): ConnectReply {
  let fd: number | undefined;
  try {
    home.inPinned(new Map([['net', netns]]), () => (fd = startConnect(family, port)));
    return { id, fd: fd ?? -1 };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    return { id, problem: problemOf(error), lost: error instanceof LostError };
  }
}

export function problemOf(error: unknown): Problem {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return { message: error.message + cause, ...code };
}
