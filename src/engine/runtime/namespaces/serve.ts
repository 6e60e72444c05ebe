import type { MessagePort } from 'node:worker_threads';
import type { Request } from '../../order-thread.ts';
import type { Home } from './home.ts';
import { LostError } from './home.ts';
import { carryOut, OrderError } from './orders.ts';
import type { Failure, Order, Reply } from './protocol.ts';
import { LOST_EXIT_CODE } from './protocol.ts';

/** Serves orders from `port`, each from start to end before the next. `exit` ends the thread. */
export function serve(port: MessagePort, home: Home, exit: (code: number) => void): void {
  port.on('message', ({ id, order }: Request<Order>) => {
    const reply = answer(id, order, home);
    port.postMessage(reply);
    // Nothing may be served from a pod's namespaces: the thread ends, and the service makes another.
    if (reply.lost) exit(LOST_EXIT_CODE);
  });
}

function answer(id: number, order: Order, home: Home): Reply {
  try {
    carryOut(order, home);
    return { id, lost: false };
  } catch (error) {
    return { id, lost: error instanceof LostError, failure: describe(order.op, error) };
  }
}

function describe(op: string, error: unknown): Failure {
  if (error instanceof OrderError) return error.failure;
  if (!(error instanceof Error)) return { step: op, message: String(error) };
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return { step: op, message: error.message + cause };
}
