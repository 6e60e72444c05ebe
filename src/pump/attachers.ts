import type { Socket } from 'node:net';
import type { AddParams, AttachEnd, AttachParams } from '../sys/pump-protocol.ts';
import { Attacher, type AttacherEvents } from './attacher.ts';
import type { ContainerStdin } from './container-stdin.ts';
import type { StreamName } from './line-formatter.ts';
import { PumpError } from './pump-error.ts';
import type { PumpLog } from './pump-log.ts';

export interface AttachersDeps {
  readonly spec: AddParams;
  readonly log: PumpLog;
  /** Absent where the container has no stdin, or it is closed for good. */
  readonly stdin: ContainerStdin | undefined;
  /** Nobody is behind any more: the container's output may move again. */
  readonly onRoom: () => void;
  /** The container's stdin is to be closed for good. */
  readonly onStdinOver: () => void;
}

/** A container with stdin is held back while a client is behind by this much, until it has taken half of it. */
export const PACE_BYTES = 1024 * 1024;
/** … for so long at most: then the client is dropped, and the container goes on. */
export const PATIENCE_MS = 5000;
/** A client that is behind by this much is dropped. */
export const BACKLOG_LIMIT_BYTES = 4 * 1024 * 1024;

const NO_BYTES = Buffer.alloc(0);

/**
 * The clients attached to one container. Each gets what lands in the journals from the moment it came, in order, up to the
 * container's end.
 *
 * A container without stdin never waits for a client: one that falls behind is dropped, and `kubectl logs` has the rest. A
 * container with stdin is somebody's partner in a conversation: like any program at its terminal, it goes at the pace of
 * the one who reads, so that long output arrives whole. But for a few seconds only, since the terminal may be suspended.
 */
export class Attachers implements AttacherEvents {
  readonly #deps: AttachersDeps;
  readonly #all = new Set<Attacher>();
  /** Those that hold the container back. */
  readonly #behind = new Map<Attacher, NodeJS.Timeout>();
  #pacing: boolean;
  #closed = false;

  constructor(deps: AttachersDeps) {
    this.#deps = deps;
    this.#pacing = deps.spec.stdin !== undefined;
  }

  /** The container's output must not move until `onRoom`. */
  get holdsBack(): boolean {
    return this.#behind.size > 0;
  }

  /** Whether somebody wants the stream. */
  wants(stream: StreamName): boolean {
    for (const attacher of this.#all) if (attacher.params[stream]) return true;
    return false;
  }

  /** Throws failed-precondition for a stdin that there is not; else returns what attaches the connection. */
  admit(params: AttachParams): (socket: Socket) => void {
    const { spec, stdin } = this.#deps;
    if (params.stdin && spec.stdin === undefined) {
      throw new PumpError('failed-precondition', `container ${spec.id} was made without stdin; attach without it`);
    }
    if (params.stdin && stdin?.isOpen !== true) {
      throw new PumpError(
        'failed-precondition',
        `stdin of container ${spec.id} was closed when the first client that was attached to it left (stdin_once); attach without it`,
      );
    }
    return (socket) => {
      const attacher = new Attacher(socket, params, this);
      this.#all.add(attacher);
      attacher.start();
    };
  }

  /** Hands out what has landed in the stream's journal. The chunk is kept and must not change. */
  feed(stream: StreamName, chunk: Buffer): void {
    for (const attacher of this.#all) {
      if (!attacher.params[stream]) continue;
      attacher.send(stream, chunk);
      if (attacher.backlog > BACKLOG_LIMIT_BYTES) this.#drop(attacher);
      else if (this.#pacing && attacher.backlog > PACE_BYTES) this.#holdBack(attacher);
    }
  }

  /** From now on nobody is waited for: the container has ended, what comes is the last of it. */
  stopPacing(): void {
    this.#pacing = false;
    for (const attacher of this.#behind.keys()) this.#letGo(attacher);
  }

  /** Tells everybody that the container's output has ended. They have what was sent before. */
  end(): void {
    this.stopPacing();
    for (const attacher of this.#all) this.#leave(attacher, { reason: 'ended', message: 'the container has ended' });
    this.#closed = true; // who leaves from now on leaves no stdin behind
  }

  /** The pump ends: closes the connections without a word. */
  close(): void {
    this.#closed = true;
    for (const attacher of this.#behind.keys()) this.#letGo(attacher);
    for (const attacher of this.#all) attacher.destroy();
  }

  took(attacher: Attacher): void {
    if (this.#behind.has(attacher) && attacher.backlog <= PACE_BYTES / 2) this.#letGo(attacher);
  }

  stdin(attacher: Attacher, chunk: Buffer): void {
    const { stdin } = this.#deps;
    if (stdin?.isOpen === true) stdin.write(attacher, chunk, () => attacher.credit(chunk.length));
    else attacher.credit(chunk.length); // another client's end has closed it
  }

  stdinEnd(attacher: Attacher): void {
    const { stdin } = this.#deps;
    if (stdin?.isOpen === true) stdin.write(attacher, NO_BYTES, () => this.#stdinEnded(attacher));
    else this.#stdinEnded(attacher);
  }

  gone(attacher: Attacher, problem: string | undefined): void {
    this.#letGo(attacher);
    if (!this.#all.delete(attacher)) return;
    if (problem !== undefined) this.#deps.log.info('lost an attached client', { ...this.#fields(), problem });
    this.#forgetStdin(attacher);
  }

  /** All that it sent has reached the container. */
  #stdinEnded(attacher: Attacher): void {
    if (!this.#all.has(attacher)) return;
    if (this.#stdinIsOnce) return this.#deps.onStdinOver();
    this.#leave(attacher, { reason: 'stdin-ended', message: 'the client has ended its stdin' });
  }

  #drop(attacher: Attacher): void {
    const message = `the client was dropped: it left ${attacher.backlog} bytes of output unread; attach again, or read the log`;
    this.#deps.log.warn('dropped an attached client that was too slow', {
      ...this.#fields(),
      backlog: attacher.backlog,
    });
    this.#all.delete(attacher);
    attacher.cut({ reason: 'too-slow', message });
    this.#letGo(attacher);
    this.#forgetStdin(attacher);
  }

  #leave(attacher: Attacher, end: AttachEnd): void {
    this.#all.delete(attacher);
    attacher.end(end);
  }

  #forgetStdin(attacher: Attacher): void {
    if (!attacher.params.stdin || this.#closed) return;
    this.#deps.stdin?.forget(attacher);
    if (this.#stdinIsOnce) this.#deps.onStdinOver();
  }

  /** The end of a terminal's input would hang the terminal up and the container with it: a terminal stays open. */
  get #stdinIsOnce(): boolean {
    return this.#deps.spec.stdinOnce && !this.#deps.spec.tty;
  }

  #holdBack(attacher: Attacher): void {
    if (this.#behind.has(attacher)) return;
    this.#behind.set(
      attacher,
      setTimeout(() => this.#drop(attacher), PATIENCE_MS),
    );
  }

  #letGo(attacher: Attacher): void {
    clearTimeout(this.#behind.get(attacher));
    if (this.#behind.delete(attacher) && !this.holdsBack && !this.#closed) this.#deps.onRoom();
  }

  #fields(): { readonly container: string } {
    return { container: this.#deps.spec.id };
  }
}
