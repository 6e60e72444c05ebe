import type { Socket } from 'node:net';
import { Attachers } from './attachers.ts';
import type { Counters } from './counters.ts';
import { makeFifos, openStreams, removeFifos, type OpenStreams } from './fifos.ts';
import { ContainerLog } from './container-log.ts';
import type { ContainerLogDeps } from './container-log.ts';
import { LogFile } from './log-file.ts';
import type { OutputFifo } from './output-fifo.ts';
import type { FileIdentity } from './progress.ts';
import type { AddParams, AttachParams, StreamsInfo, StreamTotals, Totals } from '../sys/pump-protocol.ts';
import type { Reactor, Source, Turn } from './reactor.ts';
import type { StreamsFolder, StreamsRecord } from './record.ts';
import { StallGuard } from './stall-guard.ts';
import { Transcript } from './transcript.ts';
import type { Workspace } from './workspace.ts';

export interface StreamsDeps extends ContainerLogDeps {
  readonly workspace: Workspace;
  readonly reactor: Reactor;
  readonly counters: Counters;
  readonly onEnded: (record: StreamsRecord & { readonly ended: Totals }) => void;
  readonly onStdinClosed: (id: string) => void;
}

/** More than the FIFO of a removed container holds: one that is still being written to does not keep its removal waiting. */
const LAST_BYTES = 2 * 1024 * 1024;

/**
 * One container's output while it may still come: FIFOs → journals → log.
 *
 *   open ──finish()──▶ open, no more writers will come ──every FIFO hung up, all in the log──▶ ended
 *     ╰── an error of the log or journal: stalled, the container waits in its writes; tried again until it works
 */
export class ContainerStreams {
  readonly spec: AddParams;
  readonly #folder: StreamsFolder;
  readonly #deps: StreamsDeps;
  readonly #open: OpenStreams;
  readonly #transcript: Transcript;
  readonly #attachers: Attachers;
  readonly #sources: readonly Source[];
  readonly #log: ContainerLog;
  readonly #stall: StallGuard;
  #finishing = false;
  #closed = false;

  private constructor(
    spec: AddParams,
    folder: StreamsFolder,
    deps: StreamsDeps,
    open: OpenStreams,
    transcript: Transcript,
    file: LogFile | undefined,
  ) {
    this.spec = spec;
    this.#folder = folder;
    this.#deps = deps;
    this.#open = open;
    this.#transcript = transcript;
    this.#log = new ContainerLog(spec, transcript, deps, file);
    const { counters, log } = deps;
    this.#stall = new StallGuard({
      spec,
      counters,
      log,
      catchUp: () => this.#catchUp(),
      onMoves: () => this.#wake(),
    });
    this.#attachers = new Attachers({
      spec,
      log: deps.log,
      stdin: open.stdin,
      onRoom: () => this.#wake(),
      onStdinOver: () => this.#endStdin(),
    });
    this.#sources = open.outputs.map((output) => ({ fd: output.fd, turn: () => this.#turn(output) }));
  }

  /** Makes FIFOs, log and journals, opens them, and writes the record last. All or nothing, but for the log file. */
  static create(spec: AddParams, folder: StreamsFolder, deps: StreamsDeps): ContainerStreams {
    folder.create();
    using undo = new DisposableStack();
    undo.defer(() => folder.remove());
    undo.defer(() => removeFifos(spec));
    makeFifos(spec);
    const open = undo.use(openStreams(spec, folder, false));
    const log = spec.log === undefined ? undefined : undo.adopt(LogFile.create(spec.log), (file) => file.close());
    if (spec.log !== undefined && log !== undefined) deps.claimLog(spec.id, spec.log, log.identity);
    const { journals, progress } = open;
    const parts = { journals, progress, workspace: deps.workspace, maxLine: spec.maxLine };
    const streams = new ContainerStreams(spec, folder, deps, open, Transcript.begin(parts, log), log);
    undo.defer(() => streams.#unwatch());
    streams.#watch();
    folder.saveRecord({ format: 1, spec });
    undo.move();
    return streams;
  }

  /** Goes on where a pump that died left off. Throws when its FIFOs or journals cannot be opened. */
  static recover({ spec, stdinClosed }: StreamsRecord, folder: StreamsFolder, deps: StreamsDeps): ContainerStreams {
    using undo = new DisposableStack();
    const open = undo.use(openStreams(spec, folder, stdinClosed === true));
    const { journals, progress } = open;
    const saved = progress.load();
    if (saved === undefined) {
      const lostBytes = Object.values(journals).reduce((sum, journal) => sum + journal.size, 0);
      deps.counters.lostBytes += lostBytes;
      const fields = { container: spec.id, lostBytes };
      deps.log.error('saved progress is unreadable; what the journals hold is given up', fields);
    }
    const parts = { journals, progress, workspace: deps.workspace, maxLine: spec.maxLine };
    const streams = new ContainerStreams(spec, folder, deps, open, Transcript.resume(parts, saved), undefined);
    undo.defer(() => streams.#unwatch());
    streams.#watch();
    streams.#stall.run(() => streams.#catchUp());
    streams.#wake();
    undo.move();
    return streams;
  }

  get pipeBytes(): number {
    return Math.min(...this.#open.outputs.map((output) => output.pipeBytes));
  }

  get logIdentity(): FileIdentity | undefined {
    return this.#log.identity;
  }

  get stalled(): boolean {
    return this.#stall.problem !== undefined;
  }

  /** Right after `recover`: nobody has the container's outputs open for writing, and nothing is in them. */
  get abandoned(): boolean {
    return this.#open.outputs.every((output) => output.take() === 0 && output.hungUp);
  }

  info(): StreamsInfo {
    const { problem } = this.#stall;
    return {
      id: this.spec.id,
      state: 'open',
      spec: this.spec,
      totals: this.#totals(0),
      ...(problem === undefined ? {} : { problem }),
      ...(this.#stdinClosed ? { stdinClosed: true } : {}),
    };
  }

  /** Throws failed-precondition for a stdin that there is not; else returns what attaches the connection. */
  attach(params: AttachParams): (socket: Socket) => void {
    return this.#attachers.admit(params);
  }

  /** No writer will come that is not there now: the streams end once every FIFO is hung up. */
  finish(): void {
    this.#finishing = true;
    this.#attachers.stopPacing();
    for (const output of this.#open.outputs) output.expectWriter();
    this.#wake();
  }

  /** Goes on in a new file at the log's path. Throws, with the old one still in use, when it cannot be opened. */
  reopen(): void {
    this.#log.reopen((work) => this.#stall.run(work));
    this.#deps.counters.reopens++;
    this.#stall.retry();
  }

  /** Moves what it can at once, then closes everything and removes it; returns how many bytes are lost. */
  abandon(): number {
    if (!this.stalled) this.#stall.run(() => this.#moveLast());
    const lost = this.#transcript.pending + this.#open.outputs.reduce((sum, output) => sum + output.unread(), 0);
    this.#deps.counters.lostBytes += lost;
    this.#attachers.end();
    this.close();
    removeFifos(this.spec);
    this.#folder.remove();
    return lost;
  }

  /** Closes everything and leaves all of it to the next pump. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stall.close();
    this.#attachers.close();
    this.#unwatch();
    this.#open[Symbol.dispose]();
    this.#log.close();
  }

  #watch(): void {
    for (const source of this.#sources) this.#deps.reactor.add(source);
  }

  #unwatch(): void {
    for (const source of this.#sources) this.#deps.reactor.remove(source);
  }

  #wake(): void {
    for (const source of this.#sources) this.#deps.reactor.wake(source);
  }

  #turn(output: OutputFifo): Turn {
    if (this.#closed || this.stalled || this.#attachers.holdsBack) return 'stopped';
    let turn: Turn = 'stopped';
    this.#stall.run(() => {
      turn = this.#move(output);
    });
    return turn;
  }

  #move(output: OutputFifo): Turn {
    const moved = this.#take(output);
    if (moved > 0 || output.hungUp) this.#drain(output, output.hungUp);
    if (moved > 0) return 'more';
    this.#transcript.rest(output.name);
    if (!this.#finishing || !this.#open.outputs.every((each) => each.hungUp)) return 'idle';
    this.#end();
    return 'stopped';
  }

  /** Moves a piece into the journal, and from there to whoever is attached. */
  #take(output: OutputFifo): number {
    const moved = output.take();
    this.#deps.counters.bytes += moved;
    if (moved > 0 && this.#attachers.wants(output.name)) this.#attachers.feed(output.name, output.last(moved));
    return moved;
  }

  #drain(output: OutputFifo, final: boolean): void {
    const before = this.#transcript.positions[output.name]?.lines ?? 0;
    this.#transcript.drain(output.name, final);
    this.#deps.counters.lines += (this.#transcript.positions[output.name]?.lines ?? 0) - before;
  }

  /** Finds the log, reads how far it is, and writes what the journals have for it. */
  #catchUp(): void {
    this.#log.settle();
    for (const output of this.#open.outputs) {
      this.#drain(output, false);
      this.#transcript.rest(output.name); // where the journals' file system is full, this makes room
    }
  }

  #moveLast(): void {
    if (this.#transcript.uncertain) this.#catchUp();
    for (const output of this.#open.outputs) {
      for (let left = LAST_BYTES; left > 0;) {
        const moved = this.#take(output);
        if (moved === 0) break;
        left -= moved;
        this.#drain(output, false);
      }
      this.#drain(output, true);
    }
  }

  #end(): void {
    const record = { format: 1 as const, spec: this.spec, ended: this.#totals(this.#transcript.pending) };
    this.#folder.saveRecord(record);
    this.#attachers.end();
    this.close();
    this.#deps.onEnded(record);
    this.#folder.removeJournals();
  }

  get #stdinClosed(): boolean {
    return this.spec.stdin !== undefined && this.#open.stdin?.isOpen !== true;
  }

  /** Closes the container's stdin for good, also for the pumps to come. */
  #endStdin(): void {
    const { stdin } = this.#open;
    if (this.#closed || stdin?.isOpen !== true) return;
    stdin.end();
    this.#stall.run(() => this.#folder.saveRecord({ format: 1, spec: this.spec, stdinClosed: true }));
    this.#deps.onStdinClosed(this.spec.id);
  }

  #totals(lostBytes: number): Totals {
    const of = (stream: 'stdout' | 'stderr'): StreamTotals => {
      const { bytes, lines } = this.#transcript.positions[stream] ?? { bytes: 0, lines: 0 };
      return { bytes, lines };
    };
    return { stdout: of('stdout'), ...(this.spec.stderr === undefined ? {} : { stderr: of('stderr') }), lostBytes };
  }
}
