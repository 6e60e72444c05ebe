import { randomBytes } from 'node:crypto';
import { isKind, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clients } from './clients.ts';

/** Marks a lease as ours; the value says what it is for. */
export const LEASE_LABEL = 'davit.lease';

/** Disposing a lease deletes it; what it alone held then goes with containerd's next garbage collection. */
export interface Lease extends AsyncDisposable {
  /** For the `lease` of call options. */
  readonly id: string;
}

export interface LeaseRequest {
  /** What it is for, one word; part of its id and the value of its label. */
  readonly purpose: string;
  /** containerd ends the lease by itself after so many ms, should nobody be left to delete it. */
  readonly expiresInMs: number;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Deps {
  readonly clients: Pick<Clients, 'leases'>;
  readonly logger: Logger;
}

const EXPIRE_LABEL = 'containerd.io/gc.expire';
const RANDOM_BYTES = 8;
/** A lease is deleted when its user is done or has been cancelled, so with a deadline of its own. */
const DELETE_DEADLINE_MS = 10_000;

export async function acquireLease(deps: Deps, request: LeaseRequest, signal: AbortSignal): Promise<Lease> {
  const id = `davit-${request.purpose}-${randomBytes(RANDOM_BYTES).toString('hex')}`;
  const expire = new Date(Date.now() + request.expiresInMs).toISOString();
  const labels = { ...request.labels, [LEASE_LABEL]: request.purpose, [EXPIRE_LABEL]: expire };
  await deps.clients.leases.create({ id, labels }, { signal });
  return { id, [Symbol.asyncDispose]: () => deleteLease(deps, id) };
}

/** Never throws: a lease that stays behind ends by itself. */
async function deleteLease({ clients, logger }: Deps, id: string): Promise<void> {
  try {
    await clients.leases.delete({ id }, { signal: AbortSignal.timeout(DELETE_DEADLINE_MS) });
  } catch (error) {
    if (isKind(error, 'not-found')) return;
    logger.warn({ lease: id, error: messageOf(error) }, 'a lease stays behind until it expires');
  }
}
