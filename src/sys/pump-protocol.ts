/**
 * The protocol between davitd and its pump: JSON, one message a line, over a unix socket. Each request has an id and gets one
 * reply with that id; events come by themselves to every connection. `hello` tells a client what it has found: the pump
 * outlives the davitd that started it, and may be older.
 *
 * `attach` makes a connection one container's: after its reply the connection carries frames (attach-frames.ts) and no more
 * messages.
 *
 * A pump is replaced by the next one, which is started with its pid: it ends the former by SIGTERM, which every pump takes as
 * `let go of everything, at once`, and goes on once it has the lock. `hello` and this are the same in every protocol.
 */
export const PROTOCOL_VERSION = 2;
/** Older ones are not understood any more. */
export const OLDEST_PROTOCOL_VERSION = 1;
/** `attach` and the event `stdin-closed` came with this one. */
export const ATTACH_PROTOCOL_VERSION = 2;

export const SOCKET_NAME = 'pump.sock';
/** Held by the one pump of a state folder, whose pid is in it. */
export const LOCK_NAME = 'lock';
/** Everything of the pump is in this folder of davitd's state. */
export const PUMP_FOLDER = 'pump';
/** A line that is longer ends the connection. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Exit code of a pump that found another one on the same state. */
export const EXIT_ANOTHER_PUMP = 3;

/** Ask for a pipe of this size; the kernel may give less. */
export const PIPE_BYTES = 1024 * 1024;
/** Limits of `maxLine`. */
export const MIN_LINE_BYTES = 1;
export const MAX_LINE_BYTES = 1024 * 1024;

/** What a refused request tells the client; a subset of the engine's kinds. */
export type PumpErrorKind =
  'invalid-argument' | 'not-found' | 'already-exists' | 'failed-precondition' | 'unimplemented' | 'internal';

export interface AddParams {
  readonly id: string;
  /** Absolute paths of the FIFOs, made by the pump if they are missing. */
  readonly stdin?: string;
  readonly stdout: string;
  readonly stderr?: string;
  /** Absolute path of the CRI log; without it the output is counted and dropped. */
  readonly log?: string;
  readonly tty: boolean;
  readonly stdinOnce: boolean;
  readonly maxLine: number;
  readonly pipeBytes: number;
}

export interface IdParams {
  readonly id: string;
}

export interface RemoveParams {
  readonly id: string;
  /** Also one that has not ended: what its FIFOs still hold is moved, the rest is dropped and counted. */
  readonly force: boolean;
}

export interface AttachParams {
  readonly id: string;
  /** What goes over the connection; a terminal has no stderr of its own, and none is sent. */
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Why an attached connection ends; absent where the pump itself ended. */
export interface AttachEnd {
  /**
   * `ended`: the container's output has come to its end, all of it was sent. `stdin-ended`: what was sent to stdin has
   * reached the container, whose stdin stays open. `too-slow`: it did not take what the container wrote.
   */
  readonly reason: 'ended' | 'stdin-ended' | 'too-slow';
  readonly message: string;
}

export interface StreamTotals {
  readonly bytes: number;
  readonly lines: number;
}

export interface Totals {
  readonly stdout: StreamTotals;
  readonly stderr?: StreamTotals;
  /** Taken from the container and written to no log. */
  readonly lostBytes: number;
}

export interface StreamsInfo {
  readonly id: string;
  readonly state: 'open' | 'ended' | 'damaged';
  /** Absent when damaged. */
  readonly spec?: AddParams;
  readonly totals: Totals;
  /** Why its output does not move, or what is damaged. */
  readonly problem?: string;
  /** Its stdin was closed for good, because the attached client that had it has gone. */
  readonly stdinClosed?: true;
}

export interface Hello {
  /** The newest that both sides know. */
  readonly protocol: number;
  /** davit's version that this pump is of. */
  readonly version: string;
  /** Hash of its program; pumps of davit 0.1.0 do not tell. */
  readonly build?: string;
  readonly pid: number;
}

/** Counters since the pump started. */
export interface Status extends Hello {
  readonly startedAtMs: number;
  readonly open: number;
  readonly ended: number;
  readonly damaged: number;
  readonly stalled: number;
  /** Attached connections. Absent before ATTACH_PROTOCOL_VERSION. */
  readonly attached?: number;
  readonly bytes: number;
  readonly lines: number;
  readonly lostBytes: number;
  readonly stalls: number;
  readonly stalledMs: number;
  readonly reopens: number;
  /** Containers that ended with neither davitd nor a pump there: up to a FIFO of each one's output is lost. */
  readonly unguardedEnds?: number;
}

/** Each op's parameters and result. `finish` says that no more writers will come: the reply, or later the event, has the totals. */
export interface Ops {
  /** `protocol` is the newest that the client knows. */
  readonly hello: { params: { protocol: number }; result: Hello };
  readonly add: { params: AddParams; result: { pipeBytes: number } };
  readonly list: { params: Record<string, never>; result: { streams: readonly StreamsInfo[] } };
  readonly finish: { params: IdParams; result: { ended?: Totals } };
  readonly reopen: { params: IdParams; result: Record<string, never> };
  readonly remove: { params: RemoveParams; result: { lostBytes: number } };
  readonly attach: { params: AttachParams; result: Record<string, never> };
  readonly status: { params: Record<string, never>; result: Status };
}

export type OpName = keyof Ops;

export interface Request<Name extends OpName = OpName> {
  readonly id: number;
  readonly op: Name;
  readonly params: Ops[Name]['params'];
}

export interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly kind: PumpErrorKind; readonly message: string };
}

export interface EndedEvent {
  readonly event: 'ended';
  readonly id: string;
  readonly totals: Totals;
}

/** The pump has let go of the container's stdin: nobody else may hold a writer of it from now on. */
export interface StdinClosedEvent {
  readonly event: 'stdin-closed';
  readonly id: string;
}

export type PumpEvent = EndedEvent | StdinClosedEvent;
export type ServerMessage = Reply | PumpEvent;
