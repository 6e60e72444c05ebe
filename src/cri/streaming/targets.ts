import type { Duplex, Readable, Writable } from 'node:stream';
import type { TerminalSize } from './resize.ts';

/** Which streams the client has asked for. With a terminal there is no stderr. */
export interface AskedStreams {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface ExecRequest extends AskedStreams {
  readonly containerId: string;
  readonly cmd: readonly string[];
  /** Of the terminal at the start of the command; absent: not known yet. */
  readonly size?: TerminalSize;
}

export interface AttachRequest extends AskedStreams {
  readonly containerId: string;
}

export interface PortForwardRequest {
  readonly sandboxId: string;
}

/** What a process writes. */
export interface ProcessOutput extends Readable {
  /** See the engine's ExecOutputStream; absent: it is to be read. */
  readonly forwardTo?: (to: Writable, onPiece: () => void) => Promise<void>;
}

/**
 * A process that somebody is connected to. Its streams are there when they were asked for. Disposing takes back what
 * the connection has made: for exec the process itself, should it still run; for attach nothing but the connection.
 */
export interface RemoteProcess extends AsyncDisposable {
  /** Ending it tells the process; an error says that the process takes no more. */
  readonly stdin?: Writable;
  readonly stdout?: ProcessOutput;
  readonly stderr?: ProcessOutput;
  /** Of the terminal, in characters; resolves when it has it, or cannot have it. Nothing happens without a terminal. */
  resize(width: number, height: number): Promise<void>;
  /** Of the exec'd process, or of the container that is attached to. Output may still come after it. */
  readonly exit: Promise<{ readonly exitCode: number }>;
}

export interface ExecTarget {
  /** Starts the command. Rejects when it cannot be started, with what the user is to read. */
  exec(request: ExecRequest, signal: AbortSignal): Promise<RemoteProcess>;
}

export interface AttachTarget {
  attach(request: AttachRequest, signal: AbortSignal): Promise<RemoteProcess>;
}

export interface PortForwardTarget {
  /** Connects to the port on the pod's localhost. Rejects when nobody listens. The half close goes both ways. */
  connect(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex>;
}

export type StreamingTargets = ExecTarget & AttachTarget & PortForwardTarget;
