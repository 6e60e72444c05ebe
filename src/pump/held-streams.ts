import type { Socket } from 'node:net';
import { join } from 'node:path';
import { ContainerStreams, type StreamsDeps } from './container-streams.ts';
import { removeFifos } from './fifos.ts';
import { sameFile } from './log-file.ts';
import type { FileIdentity } from './progress.ts';
import type { AddParams, AttachParams, StreamsInfo, Totals } from '../sys/pump-protocol.ts';
import { messageOf, PumpError } from './pump-error.ts';
import { StreamsFolder, type StreamsRecord } from './record.ts';

/** What the pump has of one container. */
type Held =
  | { readonly state: 'open'; readonly streams: ContainerStreams }
  | { readonly state: 'ended'; readonly spec: AddParams; readonly totals: Totals }
  | { readonly state: 'damaged'; readonly spec: AddParams | undefined; readonly problem: string };

export type HeldDeps = Omit<StreamsDeps, 'claimLog' | 'onEnded'> & {
  /** Where the containers' folders are. */
  readonly root: string;
  readonly onEnded: (id: string, totals: Totals) => void;
};

export interface HeldCounts {
  readonly open: number;
  readonly ended: number;
  readonly damaged: number;
  readonly stalled: number;
}

const NOTHING: Totals = { stdout: { bytes: 0, lines: 0 }, lostBytes: 0 };

/** All containers' output that the pump holds: one folder each, in memory the same. */
export class HeldStreams {
  readonly #deps: HeldDeps;
  readonly #streamsDeps: StreamsDeps;
  readonly #held = new Map<string, Held>();

  constructor(deps: HeldDeps) {
    this.#deps = deps;
    this.#streamsDeps = {
      ...deps,
      claimLog: (id, path, identity) => this.#claimLog(id, path, identity),
      onEnded: (record) => this.#ended(record),
    };
  }

  /**
   * Takes over what the last pump left. One that cannot be read is kept as damaged, and keeps no other from going on.
   * `unguarded` says that davitd was away, too: a container that ended then took what its FIFOs held with it.
   */
  recover(unguarded: boolean): void {
    for (const id of StreamsFolder.list(this.#deps.root)) {
      const folder = new StreamsFolder(this.#deps.root, id);
      let record: StreamsRecord | undefined;
      try {
        record = folder.loadRecord();
        if (record === undefined)
          folder.remove(); // an add that nobody was told of
        else this.#held.set(id, this.#recovered(record, folder, unguarded));
      } catch (error) {
        const problem = `cannot be taken over from ${join(this.#deps.root, id)}: ${messageOf(error)}; remove the container`;
        this.#held.set(id, { state: 'damaged', spec: record?.spec, problem });
        this.#deps.log.error(problem, { container: id });
      }
    }
  }

  /** Success, too, when the same is held already. */
  add(spec: AddParams): { pipeBytes: number } {
    const held = this.#held.get(spec.id);
    if (held?.state === 'open' && sameSpec(held.streams.spec, spec)) return { pipeBytes: held.streams.pipeBytes };
    if (held !== undefined) {
      throw new PumpError('already-exists', `output of container ${spec.id} is ${held.state} already; remove it first`);
    }
    const folder = new StreamsFolder(this.#deps.root, spec.id);
    const streams = ContainerStreams.create(spec, folder, this.#streamsDeps);
    this.#held.set(spec.id, { state: 'open', streams });
    return { pipeBytes: streams.pipeBytes };
  }

  list(): readonly StreamsInfo[] {
    return [...this.#held].map(([id, held]) => {
      switch (held.state) {
        case 'open':
          return held.streams.info();
        case 'ended':
          return { id, state: held.state, spec: held.spec, totals: held.totals };
        case 'damaged':
          return { id, state: held.state, totals: NOTHING, problem: held.problem };
      }
    });
  }

  /** The totals if the output has ended; else `onEnded` will be called with them. */
  finish(id: string): { ended?: Totals } {
    const held = this.#need(id);
    if (held.state === 'ended') return { ended: held.totals };
    if (held.state === 'damaged') throw new PumpError('failed-precondition', held.problem);
    held.streams.finish();
    return {};
  }

  reopen(id: string): void {
    const held = this.#need(id);
    if (held.state !== 'open') {
      throw new PumpError('failed-precondition', `output of container ${id} is ${held.state}; its log is closed`);
    }
    held.streams.reopen();
  }

  /** Returns what attaches a connection. */
  attach(params: AttachParams): (socket: Socket) => void {
    const held = this.#need(params.id);
    if (held.state === 'open') return held.streams.attach(params);
    throw new PumpError(
      'failed-precondition',
      `output of container ${params.id} is ${held.state}; nothing comes of it`,
    );
  }

  /** An unknown id is success. Without `force` only what has ended, or is damaged, can be removed. */
  remove(id: string, force: boolean): { lostBytes: number } {
    const held = this.#held.get(id);
    if (held === undefined) return { lostBytes: 0 };
    if (held.state === 'open') {
      if (!force) throw new PumpError('failed-precondition', `output of container ${id} has not ended`);
      const lostBytes = held.streams.abandon();
      this.#held.delete(id);
      if (lostBytes > 0) this.#deps.log.warn('output was dropped with its container', { container: id, lostBytes });
      return { lostBytes };
    }
    if (held.spec !== undefined) removeFifos(held.spec);
    new StreamsFolder(this.#deps.root, id).remove();
    this.#held.delete(id);
    return { lostBytes: held.state === 'ended' ? held.totals.lostBytes : 0 };
  }

  counts(): HeldCounts {
    const all = [...this.#held.values()];
    const count = (state: Held['state']): number => all.filter((held) => held.state === state).length;
    const stalled = all.filter((held) => held.state === 'open' && held.streams.stalled).length;
    return { open: count('open'), ended: count('ended'), damaged: count('damaged'), stalled };
  }

  /** Closes everything and leaves it to the next pump. */
  close(): void {
    for (const held of this.#held.values()) if (held.state === 'open') held.streams.close();
    this.#held.clear();
  }

  #recovered(record: StreamsRecord, folder: StreamsFolder, unguarded: boolean): Held {
    const { spec, ended } = record;
    if (ended === undefined) {
      const streams = ContainerStreams.recover(record, folder, this.#streamsDeps);
      if (unguarded && streams.abandoned) {
        this.#deps.counters.unguardedEnds++;
        this.#deps.log.warn(
          'the container ended while neither davitd nor davit-pump ran; its log may lack the last output',
          { container: spec.id },
        );
      }
      return { state: 'open', streams };
    }
    folder.removeJournals();
    return { state: 'ended', spec, totals: ended };
  }

  #ended({ spec, ended }: StreamsRecord & { readonly ended: Totals }): void {
    this.#held.set(spec.id, { state: 'ended', spec, totals: ended });
    this.#deps.onEnded(spec.id, ended);
  }

  #claimLog(id: string, path: string, identity: FileIdentity): void {
    for (const [other, held] of this.#held) {
      if (other === id || held.state !== 'open' || held.streams.logIdentity === undefined) continue;
      if (!sameFile(held.streams.logIdentity, identity)) continue;
      throw new PumpError('already-exists', `log ${path} is in use by container ${other}; choose another log path`);
    }
  }

  #need(id: string): Held {
    const held = this.#held.get(id);
    if (held === undefined) throw new PumpError('not-found', `output of container ${id} is not held`);
    return held;
  }
}

function sameSpec(a: AddParams, b: AddParams): boolean {
  const keys = ['stdin', 'stdout', 'stderr', 'log', 'tty', 'stdinOnce', 'maxLine', 'pipeBytes'] as const;
  return keys.every((key) => a[key] === b[key]);
}
