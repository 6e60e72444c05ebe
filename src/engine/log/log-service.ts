import type { Readable, Writable } from 'node:stream';
import type { Service } from '../lifecycle.ts';

/** What a container's output needs to know before its task is created. */
export interface OutputSpec {
  readonly containerId: string;
  readonly stdin: boolean;
  /** Its stdin ends with the first attached client that had it. */
  readonly stdinOnce: boolean;
  /** A terminal has one stream: stdout. */
  readonly tty: boolean;
  /** Absolute path of the CRI log; without it the output is read and dropped. */
  readonly logPath?: string;
}

/** Paths of the FIFOs, as Tasks.Create takes them. */
export interface OutputPaths {
  readonly stdin?: string;
  readonly stdout: string;
  readonly stderr?: string;
}

/** Totals of one stream: bytes as the container wrote them, lines as they stand in the log (partial ones count). */
export interface StreamTotals {
  readonly bytes: number;
  readonly lines: number;
}

export interface OutputTotals {
  readonly stdout: StreamTotals;
  readonly stderr?: StreamTotals;
  /** Bytes that were read and that no log could take. */
  readonly lostBytes: number;
}

/** A container's output as the pump holds it. */
export interface HeldOutput {
  readonly containerId: string;
  /** `ended`: drained, its log closed. `damaged`: the pump cannot read what it saved; `problem` says why. */
  readonly state: 'open' | 'ended' | 'damaged';
  readonly totals: OutputTotals;
  /** Why its output does not move now, e.g. a full disk; the container waits in its writes. */
  readonly problem?: string;
}

/** The pump's counters; those that only grow do so since `startedAtMs`. */
export interface PumpStatus {
  readonly pid: number;
  readonly version: string;
  readonly startedAtMs: number;
  /** Containers by state of their output. */
  readonly open: number;
  readonly ended: number;
  readonly damaged: number;
  /** Of the open ones, those whose log or journal cannot be written now. */
  readonly stalled: number;
  /** Attached clients; absent where the pump is too old to have any. */
  readonly attached?: number;
  readonly bytes: number;
  readonly lines: number;
  readonly lostBytes: number;
  readonly stalls: number;
  readonly stalledMs: number;
  readonly reopens: number;
  /** Containers that ended with neither davitd nor a pump there: up to a FIFO (1 MiB) of each one's output is lost. */
  readonly unguardedEnds?: number;
}

/** What davitd knows of the pump's life without asking it. */
export interface PumpHealth {
  /** How long it has not answered, in milliseconds; 0 while it does. */
  readonly silentMs: number;
  /** For people, once the silence is worth telling: which process, for how long, and what the kernel says of it. */
  readonly problem?: string;
  /** How often one that hung was to make way for the next since davitd started. */
  readonly replacements: number;
}

/** Which of a container's streams to attach to; at least one. */
export interface AttachStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** A terminal has none of its own: its output is stdout. */
  readonly stderr: boolean;
}

/**
 * A client's connection to a container's streams. Disposing of it leaves the container alone, but for a stdin that is
 * its first attached client's only (`stdinOnce`, no terminal): that is closed then.
 */
export interface LogAttachment extends AsyncDisposable {
  /**
   * Takes as much as the container reads. Its end closes the container's stdin where that is `stdinOnce` and no terminal;
   * else it ends the attachment, once all of it has reached the container, and stdin waits for the next client.
   */
  readonly stdin?: Writable;
  /**
   * What the container writes from now on, in order. They end with the attachment, each with all that came before. Read
   * both, or destroy the one that nobody wants: one that is full keeps the other waiting.
   */
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  /**
   * Resolves when the attachment has come to its end: the container's output has (`ended`), or the client's stdin
   * (`detached`). What the client has not read yet is still there to be read. Rejects when the client was dropped for
   * being too slow (resource-exhausted) and when the pump was lost (unavailable). A client that reads nothing does not
   * learn of it.
   */
  readonly ended: Promise<'ended' | 'detached'>;
}

/**
 * Containers' output, from davitd's side: the node's one pump is found or started, and does the work; davitd holds a
 * standby end of every FIFO, so that either process can die at any moment with nothing lost. Every call waits for a pump
 * that is being started again; what it cannot have in time is `unavailable` and names the pump.
 */
export interface LogService extends Service {
  /**
   * Makes the FIFOs and the log file (0640, parents as needed); when it resolves the pump reads and the log exists.
   * Again with the same spec is success.
   */
  prepare(spec: OutputSpec, signal: AbortSignal): Promise<OutputPaths>;
  /**
   * Call it when the container's task has exited (or was never created), before its task is deleted: resolves with the
   * totals once every writer is gone and all output is in the log. Throws not-found for an id that the pump does not hold.
   */
  ended(containerId: string, signal: AbortSignal): Promise<OutputTotals>;
  /** Closes the log and opens its path anew, made if missing. On an error the old file stays open and no new one is left. */
  reopen(containerId: string, signal: AbortSignal): Promise<void>;
  /**
   * Connects a client to the container's streams. A container made with stdin goes at the pace of the client that reads its
   * output, for some seconds at most where it reads nothing at all; one without stdin never waits. A client that is left
   * behind is dropped. Throws failed-precondition when the output has ended, and for a stdin that the container does
   * not have or that is closed for good; unimplemented when a pump of a former version serves the node. `signal` ends the
   * opening, not the attachment.
   */
  attach(containerId: string, streams: AttachStreams, signal: AbortSignal): Promise<LogAttachment>;
  /** Forgets a container's output and removes its FIFOs; an unknown id is success. What was not drained is dropped and counted. */
  release(containerId: string): Promise<void>;
  /** What the pump holds, e.g. what a former davitd left. */
  held(signal: AbortSignal): Promise<readonly HeldOutput[]>;
  status(signal: AbortSignal): Promise<PumpStatus>;
  /** A pump that hangs is replaced by the next one; one that is only slow is told here, and waited for. */
  readonly health: PumpHealth;
}
