import type Long from 'long';
import type { PodUsage, TopReply } from '../../admin/generated/admin.js';

/** Bytes a second over the interfaces of one pod. */
export interface NetworkRate {
  readonly rx: number;
  readonly tx: number;
}

interface Counters {
  readonly timeNanos: number;
  readonly rx: number;
  readonly tx: number;
}

const NANOS = 1e9;

/** Makes rates of counters, out of replies that follow each other. Samples come more rarely than replies. */
export class Rates {
  readonly #pods = new Map<string, { counters: Counters; rate?: NetworkRate }>();
  #node: { readonly timeNanos: number; readonly busyNanos: number } | undefined;
  #nodeCpus: number | undefined;

  /** Takes the next reply in. */
  add(reply: TopReply): void {
    this.#addNode(reply);
    const there = new Set(reply.pods.map(({ id }) => id));
    for (const id of this.#pods.keys()) if (!there.has(id)) this.#pods.delete(id);
    for (const pod of reply.pods) this.#addPod(pod);
  }

  /** Absent until there are two samples of the pod. */
  networkOf(id: string): NetworkRate | undefined {
    return this.#pods.get(id)?.rate;
  }

  /** How many processors' worth of time the node uses; absent until there are two replies. */
  nodeCpus(): number | undefined {
    return this.#nodeCpus;
  }

  #addNode({ time, node }: TopReply): void {
    if (node === null) return;
    const next = { timeNanos: numberOf(time), busyNanos: numberOf(node.cpuUsageNanos) };
    const last = this.#node;
    if (last !== undefined && next.timeNanos > last.timeNanos) {
      this.#nodeCpus = Math.max(0, (next.busyNanos - last.busyNanos) / (next.timeNanos - last.timeNanos));
    }
    this.#node = next;
  }

  #addPod({ id, usage, interfaces }: PodUsage): void {
    const time = usage?.time ?? null;
    if (time === null) return;
    const counters = {
      timeNanos: numberOf(time),
      rx: sum(interfaces.map(({ rxBytes }) => rxBytes)),
      tx: sum(interfaces.map(({ txBytes }) => txBytes)),
    };
    const last = this.#pods.get(id);
    if (last === undefined) return void this.#pods.set(id, { counters });
    const seconds = (counters.timeNanos - last.counters.timeNanos) / NANOS;
    // The same sample again says nothing new.
    if (seconds <= 0) return;
    const perSecond = (now: number, then: number): number => Math.max(0, (now - then) / seconds);
    const rate = { rx: perSecond(counters.rx, last.counters.rx), tx: perSecond(counters.tx, last.counters.tx) };
    this.#pods.set(id, { counters, rate });
  }
}

/** Exact up to 2^53, which is plenty for bytes, and for times to within a microsecond. */
export function numberOf(value: Long): number {
  return Number(value.toString());
}

export function sum(values: readonly Long[]): number {
  return values.reduce((total, value) => total + numberOf(value), 0);
}
