import type { Socket } from 'node:net';
import { encodeFrame, FRAME, FrameParser, STDIN_WINDOW_BYTES, type Frame } from '../sys/attach-frames.ts';
import type { AttachEnd, AttachParams } from '../sys/pump-protocol.ts';
import type { StreamName } from './line-formatter.ts';
import { messageOf } from './pump-error.ts';

/** What an attacher tells the container's streams. */
export interface AttacherEvents {
  /** It took something: its backlog is smaller. */
  took(attacher: Attacher): void;
  stdin(attacher: Attacher, chunk: Buffer): void;
  stdinEnd(attacher: Attacher): void;
  /** Its connection has ended, by whichever side. */
  gone(attacher: Attacher, problem: string | undefined): void;
}

/** Handed to the connection at once; what waits beyond it can still be dropped. */
const BATCH_BYTES = 256 * 1024;
/** What a piece costs beyond its bytes: many small ones must not take more memory than few large ones. */
const PIECE_COST_BYTES = 512;
const CREDIT_BYTES = 4;

/** One client that a container's streams are connected to. */
export class Attacher {
  readonly params: AttachParams;
  readonly #socket: Socket;
  readonly #events: AttacherEvents;
  readonly #frames = new FrameParser();
  #queue: (readonly Buffer[])[] = [];
  #queuedCost = 0;
  #writingCost = 0;
  #stdinUnderWay = 0;
  #stdinOpen: boolean;
  #ending = false;

  constructor(socket: Socket, params: AttachParams, events: AttacherEvents) {
    this.#socket = socket;
    this.params = params;
    this.#events = events;
    this.#stdinOpen = params.stdin;
  }

  /** Begins to listen; the reply to `attach` has been written. */
  start(): void {
    let problem: string | undefined;
    this.#socket.on('error', (error) => (problem = error.message));
    this.#socket.on('close', () => this.#events.gone(this, problem));
    this.#socket.on('data', (chunk) => {
      try {
        for (const frame of this.#frames.push(chunk)) this.#receive(frame);
      } catch (error) {
        problem = messageOf(error);
        this.#socket.destroy();
      }
    });
  }

  /** Bytes that wait for the client, and what keeping them costs. */
  get backlog(): number {
    return this.#queuedCost + this.#writingCost;
  }

  /** Whether more stdin may come from it. */
  get hasStdin(): boolean {
    return this.#stdinOpen;
  }

  /** Sends what the container wrote. The chunk is kept and must not change. */
  send(stream: StreamName, chunk: Buffer): void {
    if (!this.#ending) this.#enqueue(FRAME[stream], chunk);
  }

  /** So many bytes of its stdin have reached the container. */
  credit(bytes: number): void {
    this.#stdinUnderWay -= bytes;
    if (this.#ending) return;
    const payload = Buffer.alloc(CREDIT_BYTES);
    payload.writeUInt32BE(bytes);
    this.#enqueue(FRAME.credit, payload);
  }

  /** Says why after all that was sent, and ends. */
  end(end: AttachEnd): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#stdinOpen = false;
    this.#enqueue(FRAME.end, Buffer.from(JSON.stringify(end)));
  }

  /** As `end`, without what still waits for it. */
  cut(end: AttachEnd): void {
    this.#queue = [];
    this.#queuedCost = 0;
    this.end(end);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive({ kind, payload }: Frame): void {
    if (this.#ending) return; // sent before it learnt of its end
    if (!this.#stdinOpen) throw new Error(`frame ${kind} from a client that has no stdin`);
    if (kind === FRAME.stdinEnd) {
      this.#stdinOpen = false;
      return this.#events.stdinEnd(this);
    }
    if (kind !== FRAME.stdin) throw new Error(`a client sent frame ${kind}`);
    this.#stdinUnderWay += payload.length;
    if (this.#stdinUnderWay > STDIN_WINDOW_BYTES) throw new Error('a client sent more stdin than it may');
    this.#events.stdin(this, payload);
  }

  #enqueue(kind: number, payload: Buffer): void {
    const pieces = encodeFrame(kind, payload);
    this.#queue.push(pieces);
    this.#queuedCost += costOf(pieces);
    this.#flush();
  }

  #flush(): void {
    if (this.#writingCost > 0 || !this.#socket.writable) return;
    let count = 0;
    let cost = 0;
    while (count < this.#queue.length && cost < BATCH_BYTES) cost += costOf(this.#queue[count++] ?? []);
    if (count === 0) {
      if (this.#ending) this.#socket.end();
      return;
    }
    const pieces = this.#queue.splice(0, count).flat();
    this.#queuedCost -= cost;
    this.#writingCost = cost;
    const last = pieces.pop();
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.write(last ?? '', () => {
      this.#writingCost = 0;
      this.#events.took(this);
      this.#flush();
    });
    this.#socket.uncork();
  }
}

function costOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, PIECE_COST_BYTES);
}
