import type { JournalSource } from './journal.ts';
import type { StreamName } from './line-formatter.ts';
import type { LogTarget } from './log-file.ts';
import type { FileIdentity, Progress, ProgressStore } from './progress.ts';
import { planRecovery, type Position, type Positions } from './recovery.ts';
import type { Workspace } from './workspace.ts';

export interface TranscriptParts {
  readonly journals: Readonly<Partial<Record<StreamName, JournalSource>>>;
  readonly progress: ProgressStore;
  readonly workspace: Workspace;
  /** Bytes of a log line's content at most. */
  readonly maxLine: number;
}

/** What `reconcile` found that is worth a line in the pump's own log. */
export interface Reconciled {
  readonly tornBytes: number;
  readonly foreignLines: number;
}

/** A journal that fell idle with this many bytes, all of them in the log, is emptied. */
const EMPTY_IDLE_BYTES = 4096;
/** … and a busy one with this many. */
const EMPTY_BUSY_BYTES = 1024 * 1024;
/** The memory that a busy journal's bytes may still take when they are in the log. */
const SPARE_BUSY_BYTES = 1024 * 1024;
/** More than our own lines since the last save can be. */
const TAIL_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * Carries a container's journals into its log, each byte once, whenever the process dies. The order is: lines, then the
 * position that they led to, then the journal's memory. What the log holds beyond its saved size is thus the work that was
 * done and not saved. A write that fails leaves the same picture, and `reconcile` reads it in the same way.
 */
export class Transcript {
  readonly #parts: TranscriptParts;
  #positions: Partial<Record<StreamName, Position>>;
  #log: LogTarget | undefined;
  #logSize = 0;
  #savedLog: FileIdentity | undefined;
  #uncertain = true;

  private constructor(parts: TranscriptParts, positions: Positions) {
    this.#parts = parts;
    this.#positions = { ...positions };
  }

  /** A new container's: the log's present content is somebody else's. Saves that before it returns. */
  static begin(parts: TranscriptParts, log: LogTarget | undefined): Transcript {
    const positions: Partial<Record<StreamName, Position>> = {};
    for (const stream of streamsOf(parts)) positions[stream] = { offset: 0, bytes: 0, lines: 0 };
    const transcript = new Transcript(parts, positions);
    transcript.#log = log;
    transcript.#logSize = log?.size() ?? 0;
    transcript.#uncertain = false;
    transcript.#save();
    return transcript;
  }

  /**
   * One that another process wrote, from what it saved. Give it its log by `attach` or `continueIn`, then `reconcile`.
   * With nothing saved, what the journals hold is given up: where they stand in the log is not known.
   */
  static resume(parts: TranscriptParts, saved: Progress | undefined): Transcript {
    const transcript = new Transcript(parts, saved?.positions ?? ends(parts));
    transcript.#savedLog = saved?.log?.identity;
    transcript.#logSize = saved?.log?.size ?? 0;
    return transcript;
  }

  /** The log that a resumed transcript was in. */
  get savedLog(): FileIdentity | undefined {
    return this.#savedLog;
  }

  get positions(): Positions {
    return this.#positions;
  }

  /** Whether a write failed, or another process died, since the positions were last known to be right. */
  get uncertain(): boolean {
    return this.#uncertain;
  }

  /** Bytes that were taken and are not in the log. */
  get pending(): number {
    return streamsOf(this.#parts).reduce((sum, stream) => sum + this.#remaining(stream), 0);
  }

  /** Reads from the log how far it really is, and cuts a line that was not written to its end. */
  reconcile(): Reconciled {
    const tail = this.#log?.readFrom(this.#logSize, TAIL_LIMIT_BYTES) ?? Buffer.alloc(0);
    const journalSizes: Partial<Record<StreamName, number>> = {};
    for (const stream of streamsOf(this.#parts)) journalSizes[stream] = this.#parts.journals[stream]?.size ?? 0;
    const plan = planRecovery({ saved: this.#positions, journalSizes, tail });
    const tornBytes = tail.length < TAIL_LIMIT_BYTES ? tail.length - plan.wholeBytes : 0;
    if (tornBytes > 0) this.#log?.cut(this.#logSize + plan.wholeBytes);
    this.#logSize = this.#log?.size() ?? 0;
    this.#positions = { ...plan.positions };
    this.#uncertain = false;
    this.#save();
    return { tornBytes, foreignLines: plan.foreignLines };
  }

  /**
   * Writes what the journal holds to the log; with `final` an unfinished line, too. When it throws, `uncertain` says whether
   * `reconcile` must come before the next call.
   */
  drain(stream: StreamName, final: boolean): void {
    const journal = this.#parts.journals[stream];
    if (journal === undefined) return;
    for (let position = this.#position(stream); position.offset < journal.size; position = this.#position(stream)) {
      const log = this.#log;
      const next = log === undefined ? dropped(position, journal) : this.#write(log, journal, stream, final);
      if (next.offset === position.offset) break;
      this.#positions[stream] = next;
      this.#save();
      journal.release(next.offset, SPARE_BUSY_BYTES);
    }
    if (journal.size >= EMPTY_BUSY_BYTES) this.#emptyIfDone(stream, journal);
  }

  /** Nothing comes at present: gives the journal's memory back, but for an unfinished line. */
  rest(stream: StreamName): void {
    const journal = this.#parts.journals[stream];
    if (journal === undefined || journal.size < EMPTY_IDLE_BYTES) return;
    this.#emptyIfDone(stream, journal);
    journal.release(this.#position(stream).offset, 0);
  }

  /** Gives a resumed transcript the log that it was in. */
  attach(log: LogTarget): void {
    this.#log = log;
  }

  /** Goes on in another log, from its present end. */
  continueIn(log: LogTarget): void {
    const size = log.size();
    this.#parts.progress.save({ positions: this.#positions, log: { identity: log.identity, size } });
    this.#log = log;
    this.#logSize = size;
  }

  /** Where the stream is after a piece of its journal was written; until the log's new size is known, nothing is certain. */
  #write(log: LogTarget, journal: JournalSource, stream: StreamName, final: boolean): Position {
    const { workspace, maxLine } = this.#parts;
    const { offset, bytes, lines } = this.#position(stream);
    const input = workspace.input(maxLine);
    const length = journal.read(input, offset, Math.min(input.length, journal.size - offset));
    const options = { stream, maxLine, final: final && offset + length === journal.size };
    this.#uncertain = true;
    const done = workspace.formatter.format(input, length, options, (output, count) => log.append(output, count));
    this.#logSize = log.size();
    this.#uncertain = false;
    return { offset: offset + done.consumed, bytes: bytes + done.consumed, lines: lines + done.lines };
  }

  #emptyIfDone(stream: StreamName, journal: JournalSource): void {
    const position = this.#position(stream);
    if (position.offset < journal.size) return;
    journal.empty();
    this.#positions[stream] = { ...position, offset: 0 };
    this.#save();
  }

  #save(): void {
    this.#parts.progress.save({
      positions: this.#positions,
      ...(this.#log === undefined ? {} : { log: { identity: this.#log.identity, size: this.#logSize } }),
    });
  }

  #position(stream: StreamName): Position {
    return this.#positions[stream] ?? { offset: 0, bytes: 0, lines: 0 };
  }

  #remaining(stream: StreamName): number {
    return (this.#parts.journals[stream]?.size ?? 0) - this.#position(stream).offset;
  }
}

function streamsOf(parts: TranscriptParts): readonly StreamName[] {
  return (['stdout', 'stderr'] as const).filter((stream) => parts.journals[stream] !== undefined);
}

/** Positions as if all that the journals hold were in the log. */
function ends(parts: TranscriptParts): Positions {
  const positions: Partial<Record<StreamName, Position>> = {};
  for (const stream of streamsOf(parts)) {
    const size = parts.journals[stream]?.size ?? 0;
    positions[stream] = { offset: size, bytes: size, lines: 0 };
  }
  return positions;
}

/** Without a log the bytes are counted and dropped. */
function dropped(position: Position, journal: JournalSource): Position {
  return { ...position, offset: journal.size, bytes: position.bytes + journal.size - position.offset };
}
