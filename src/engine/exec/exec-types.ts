import type { Readable, Writable } from 'node:stream';
import type { Service } from '../lifecycle.ts';

/** A running container that a further process is to run in. */
export interface ExecTarget {
  readonly id: string;
  /** Absolute path of the container's cgroup. */
  readonly cgroupPath: string;
  /** Its first process, as the node numbers it. */
  readonly pid: number;
  /** Which CPUs of the container's own cpuset a command starts on. */
  readonly cpuAffinity: 'all' | 'first';
}

/** Gets every piece as it comes. The bytes are the sink's for the time of the call only. */
export type OutputSink = (chunk: Buffer) => void;

/** Where an output goes: into a stream that the caller reads, into a function, or nowhere. It is read in any case. */
export type ExecOutput = 'stream' | 'drop' | OutputSink;

export interface ExecRequest {
  /** Program and arguments; nothing is looked up or expanded but the program, in the container's PATH. */
  readonly cmd: readonly string[];
  /** A terminal has one output, stdout; `stderr` is then not used. */
  readonly tty: boolean;
  /** Of the terminal when the process starts; absent: none yet. */
  readonly size?: TerminalSize;
  /** Without stdin the process reads from /dev/null. */
  readonly stdin: boolean;
  readonly stdout: ExecOutput;
  readonly stderr: ExecOutput;
}

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** The buffers are the receiver's, who may take them apart. */
export interface ExecSyncResult extends ExecExit {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

export interface ExecExit {
  /** 128 + the signal's number for a process that a signal ended. */
  readonly exitCode: number;
}

/** An output as a stream. */
export interface ExecOutputStream extends Readable {
  /**
   * Writes all of it to `to`, and ends that, with less work than reading it takes; nobody reads it then. `to` has done
   * with a piece's memory when it calls back for it. Resolves when the output has ended or was closed; rejects when it,
   * or `to`, breaks. Absent: it is to be read.
   */
  readonly forwardTo?: (to: Writable, onPiece: () => void) => Promise<void>;
}

/**
 * A further process in a container. It belongs to whoever opened it: disposing of the session kills what still runs of it
 * and frees everything; after an exit, what the process left running in the container lives on.
 */
export interface ExecSession extends AsyncDisposable {
  /**
   * The process' standard input. Its end closes the process' input, except on a terminal, where the end of input is
   * a character. It takes what the process does not read until it is full; it is destroyed when the process has ended.
   */
  readonly stdin: Writable | undefined;
  /** What is not read stays in the pipe: the process waits in its writes. */
  readonly stdout: ExecOutputStream | undefined;
  readonly stderr: ExecOutputStream | undefined;
  /** Resolves with the exit, also across a restart of containerd; the outputs may have more to give then. */
  readonly exit: Promise<ExecExit>;
  /** Resolves when all outputs have been read to their end: whatever holds them open in the container is gone. Never rejects. */
  readonly drained: Promise<void>;
  /** Without a terminal, and after the end, it does nothing. */
  resize(size: TerminalSize, signal: AbortSignal): Promise<void>;
  /** SIGKILL to the process and all that came of it; resolves when none of it lives. Throws when the signal aborts first. */
  kill(signal: AbortSignal): Promise<void>;
}

export interface ExecService extends Service {
  /**
   * Starts a process in the container, with user, groups, environment, working directory, capabilities and profiles of
   * the container's own. Throws what containerd says of a command that cannot be run (kind `unknown`), naming the
   * command. `signal` ends the opening, not the session; an opening that failed leaves nothing behind.
   */
  open(target: ExecTarget, request: ExecRequest, signal: AbortSignal): Promise<ExecSession>;
  /**
   * Ends the processes that a former davitd has left: nobody can have their output any more. `targetOf` gives the
   * container of an id, undefined when it is gone or does not run.
   */
  recover(targetOf: (containerId: string) => ExecTarget | undefined): Promise<void>;
}
