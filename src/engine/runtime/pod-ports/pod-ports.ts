import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isConnected, startConnect } from '../../../sys/tcp.ts';
import type { IpFamily } from '../../../sys/tcp.ts';
import { EngineError, kindOf, messageOf } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import { ConnectThread } from './connect-thread.ts';
import type { ConnectThreadDeps } from './connect-thread.ts';

export interface PodPort {
  /** Path of the pod's network namespace; absent: the node's. */
  readonly netns?: string;
  readonly port: number;
}

/** Connections to ports that pods serve on their loopback interface. */
export interface PodPorts extends Service {
  /**
   * A TCP connection to the port on 127.0.0.1 or else ::1; each side may end its direction alone. Throws unavailable, and
   * says why for both addresses, when neither takes it. `signal` ends the connecting, not the connection.
   */
  connect(to: PodPort, signal: AbortSignal): Promise<Duplex>;
}

/** A listener whose queue is full leaves a connection waiting; more than this is no use to anybody. */
const CONNECT_DEADLINE_MS = 10_000;
/** A connection over loopback is there, or refused, at once: later looks are for full queues. */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 100;
const LOOPBACK: readonly (readonly [IpFamily, string])[] = [
  [4, '127.0.0.1'],
  [6, '[::1]'],
];

/** Nothing starts before the first connection. */
export function createPodPorts(deps: ConnectThreadDeps): PodPorts {
  const thread = new ConnectThread(deps);
  return {
    name: 'pod ports',
    start: async () => undefined,
    connect: (to, signal) => connect(thread, to, signal),
    close: () => thread.close(),
  };
}

async function connect(thread: ConnectThread, { netns, port }: PodPort, signal: AbortSignal): Promise<Duplex> {
  const problems: string[] = [];
  for (const [family, address] of LOOPBACK) {
    try {
      const fd =
        netns === undefined ? startConnect(family, port) : await thread.connecting(netns, family, port, signal);
      return await whenConnected(fd, signal);
    } catch (error) {
      if (signal.aborted) {
        throw new EngineError(kindOf(signal.reason), `connection to port ${port} was given up`, { cause: error });
      }
      problems.push(`${address}: ${messageOf(error)}`);
    }
  }
  throw new EngineError('unavailable', `port ${port} takes no connection: ${problems.join(', ')}`);
}

/** The socket as a stream once it is connected; it is closed in any other case. */
async function whenConnected(fd: number, signal: AbortSignal): Promise<Duplex> {
  try {
    const deadline = performance.now() + CONNECT_DEADLINE_MS;
    for (let delay = FIRST_LOOK_MS; !isConnected(fd); delay = Math.min(2 * delay, LAST_LOOK_MS)) {
      if (performance.now() > deadline) throw new Error(`no answer in ${CONNECT_DEADLINE_MS / 1000} s`);
      await sleep(delay, undefined, { signal });
    }
    signal.throwIfAborted();
    return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
