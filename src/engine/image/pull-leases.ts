import type { Clients } from '../containerd/clients.ts';
import { acquireLease, LEASE_LABEL } from '../containerd/leases.ts';
import { OWNER_LABEL, ownerFilter } from '../containerd/owner-label.ts';
import type { Lease } from '../containerd/leases.ts';
import { nanosOf } from '../containerd/timestamp.ts';
import { isKind, kindOf, messageOf } from '../errors.ts';
import type { ErrorKind } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface PullLeasesDeps {
  readonly clients: Pick<Clients, 'leases'>;
  /** davit's root folder, which tells its leases from another davit's. */
  readonly root: string;
  readonly logger: Logger;
}

/** A lease of a pull, as containerd has it. */
export interface ListedLease {
  readonly id: string;
  readonly createdAtMs: number;
  /** A pull works with it, or it is kept for a retry. */
  readonly isInUse: boolean;
}

const PURPOSE = 'pull';
/** On a pull's lease: the reference that it is for. */
const REFERENCE_LABEL = 'davit.pull';
/** Ends what a crash left behind, should davit never start again; longer than any pull takes. */
const EXPIRES_MS = 24 * 60 * 60 * 1000;
/** How long a broken pull's layers wait for a retry before their space is given back. */
const KEEP_MS = 15 * 60 * 1000;
const DELETE_DEADLINE_MS = 10_000;
const NANOS_PER_MS = 1_000_000n;
/** Failures that a retry may not have. After any other nothing is kept: it is wrong, or space is what was missing. */
const WORTH_KEEPING: readonly ErrorKind[] = ['cancelled', 'deadline-exceeded', 'unavailable'];

interface Kept {
  readonly id: string;
  readonly reference: string;
  readonly timer: NodeJS.Timeout;
}

/**
 * What a pull brings in belongs to its lease until the image is recorded. The lease of a pull that broke off is kept for
 * a while, and with it whole and partial layers, so that a retry goes on where it stopped.
 */
export class PullLeases {
  readonly #deps: PullLeasesDeps;
  readonly #kept = new Set<Kept>();
  readonly #working = new Set<string>();

  constructor(deps: PullLeasesDeps) {
    this.#deps = deps;
  }

  async acquire(reference: string, signal: AbortSignal): Promise<Lease> {
    const labels = { [REFERENCE_LABEL]: reference, [OWNER_LABEL]: this.#deps.root };
    const lease = await acquireLease(this.#deps, { purpose: PURPOSE, expiresInMs: EXPIRES_MS, labels }, signal);
    this.#working.add(lease.id);
    return {
      id: lease.id,
      [Symbol.asyncDispose]: async () => {
        await lease[Symbol.asyncDispose]();
        this.#working.delete(lease.id);
      },
    };
  }

  /** Those of this davit's pulls. */
  async list(signal: AbortSignal): Promise<readonly ListedLease[]> {
    const filters = [`labels."${LEASE_LABEL}"==${PURPOSE},${ownerFilter(this.#deps.root)}`];
    const { leases } = await this.#deps.clients.leases.list({ filters }, { signal });
    return leases.map(({ id, createdAt }) => ({
      id,
      createdAtMs: Number(nanosOf(createdAt) / NANOS_PER_MS),
      isInUse: this.#working.has(id) || [...this.#kept].some((kept) => kept.id === id),
    }));
  }

  /** Deletes a lease that nobody works with; one that is gone is success. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.clients.leases.delete({ id }, { signal });
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error;
    }
  }

  /** Ends the lease, and those of the attempts before. Never throws. */
  async succeeded(lease: Lease, reference: string): Promise<void> {
    await lease[Symbol.asyncDispose]();
    for (const kept of this.#kept) if (kept.reference === reference) await this.#drop(kept);
  }

  /** Ends the lease now or after a while, as the error says. Never throws. */
  async failed(lease: Lease, reference: string, error: unknown): Promise<void> {
    if (WORTH_KEEPING.includes(kindOf(error))) {
      this.#keep(lease.id, reference, KEEP_MS);
      this.#working.delete(lease.id);
    } else await lease[Symbol.asyncDispose]();
  }

  /** Takes over what a davitd before this one left behind. */
  async adopt(signal: AbortSignal): Promise<void> {
    const filters = [`labels."${LEASE_LABEL}"==${PURPOSE},${ownerFilter(this.#deps.root)}`];
    const { leases } = await this.#deps.clients.leases.list({ filters }, { signal });
    for (const { id, createdAt, labels } of leases) {
      const ageMs = Date.now() - Number(nanosOf(createdAt) / NANOS_PER_MS);
      this.#keep(id, labels[REFERENCE_LABEL] ?? '', Math.max(0, KEEP_MS - ageMs));
    }
  }

  /** Stops the timers: the next davitd adopts the leases, or containerd ends them. */
  close(): void {
    for (const { timer } of this.#kept) clearTimeout(timer);
    this.#kept.clear();
  }

  #keep(id: string, reference: string, forMs: number): void {
    const kept: Kept = { id, reference, timer: setTimeout(() => void this.#drop(kept), forMs).unref() };
    this.#kept.add(kept);
  }

  async #drop(kept: Kept): Promise<void> {
    this.#kept.delete(kept);
    clearTimeout(kept.timer);
    try {
      await this.#deps.clients.leases.delete({ id: kept.id }, { signal: AbortSignal.timeout(DELETE_DEADLINE_MS) });
    } catch (error) {
      if (isKind(error, 'not-found')) return;
      this.#deps.logger.warn({ lease: kept.id, error: messageOf(error) }, 'a lease stays behind until it expires');
    }
  }
}
