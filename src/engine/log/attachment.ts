import { connect, type Socket } from 'node:net';
import { Readable, type Writable } from 'node:stream';
import { FRAME, FrameParser, type Frame } from '../../sys/attach-frames.ts';
import type { AttachEnd, AttachParams, Reply } from '../../sys/pump-protocol.ts';
import { EngineError, messageOf } from '../errors.ts';
import { AttachedStdin } from './attached-stdin.ts';
import type { LogAttachment } from './log-service.ts';
import { ConnectionLost, pumpError } from './pump-connection.ts';

/** Of one output, in davitd: the pump keeps the rest. */
const OUTPUT_BUFFER_BYTES = 256 * 1024;
const NEWLINE = 10;

/** Attaches a connection of its own. Rejects with the pump's refusal, ConnectionLost, or the signal's reason. */
export async function openAttachment(path: string, params: AttachParams, signal: AbortSignal): Promise<LogAttachment> {
  signal.throwIfAborted();
  const socket = connect(path);
  const opening = Promise.withResolvers<Buffer>();
  const lost = (error?: Error): void => opening.reject(new ConnectionLost(error?.message ?? 'davit-pump closed it'));
  const abort = (): void => opening.reject(signal.reason);
  let answer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    answer = Buffer.concat([answer, chunk]);
    if (answer.includes(NEWLINE)) opening.resolve(answer);
  };
  signal.addEventListener('abort', abort, { once: true });
  socket.once('error', lost);
  socket.once('close', () => lost());
  socket.on('data', onData);
  try {
    socket.write(`${JSON.stringify({ id: 1, op: 'attach', params })}\n`);
    const bytes = await opening.promise;
    socket.off('data', onData);
    const end = bytes.indexOf(NEWLINE);
    const { error } = JSON.parse(bytes.toString('utf8', 0, end)) as Reply;
    if (error !== undefined) throw pumpError('attach', error);
    return new Attachment(socket, params, bytes.subarray(end + 1));
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.off('error', lost);
    socket.on('error', () => undefined); // 'close' follows, and says it
  }
}

class Attachment implements LogAttachment {
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  readonly #socket: Socket;
  readonly #frames = new FrameParser();
  readonly #credit: (bytes: number) => void;
  readonly #ended = Promise.withResolvers<'ended' | 'detached'>();
  /** Outputs that are full: the socket rests while there are any. */
  readonly #full = new Set<Readable>();
  #closed = false;

  constructor(socket: Socket, params: AttachParams, first: Buffer) {
    this.#socket = socket;
    this.#ended.promise.catch(() => undefined); // whoever waits for it gets the error
    if (params.stdout) this.stdout = this.#output();
    if (params.stderr) this.stderr = this.#output();
    const stdin = params.stdin ? new AttachedStdin(socket) : undefined;
    if (stdin !== undefined) this.stdin = stdin;
    this.#credit = (bytes) => stdin?.credit(bytes);
    socket.on('close', () => this.#close());
    socket.on('data', (chunk) => this.#take(chunk));
    if (first.length > 0) this.#take(first);
  }

  get ended(): Promise<'ended' | 'detached'> {
    return this.#ended.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    this.#close();
  }

  #output(): Readable {
    const output: Readable = new Readable({
      highWaterMark: OUTPUT_BUFFER_BYTES,
      read: () => {
        if (this.#full.delete(output) && this.#full.size === 0) this.#socket.resume();
      },
      destroy: (error, done) => {
        // Nobody wants it any more; the other one goes on.
        if (this.#full.delete(output) && this.#full.size === 0) this.#socket.resume();
        done(error);
      },
    });
    return output;
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) this.#receive(frame);
    } catch (error) {
      this.#ended.reject(
        new EngineError('internal', `davit-pump sent what is no frame: ${messageOf(error)}`, { cause: error }),
      );
      this.#socket.destroy();
    }
  }

  #receive({ kind, payload }: Frame): void {
    switch (kind) {
      case FRAME.stdout:
        return this.#push(this.stdout, payload);
      case FRAME.stderr:
        return this.#push(this.stderr, payload);
      case FRAME.credit:
        return this.#credit(payload.readUInt32BE(0));
      case FRAME.end:
        return this.#end(JSON.parse(payload.toString('utf8')) as AttachEnd);
      default:
        throw new Error(`frame ${kind}`);
    }
  }

  #push(output: Readable | undefined, payload: Buffer): void {
    if (output === undefined || output.destroyed || output.push(payload)) return;
    this.#full.add(output);
    this.#socket.pause();
  }

  #end({ reason, message }: AttachEnd): void {
    if (reason === 'ended') this.#ended.resolve('ended');
    else if (reason === 'stdin-ended') this.#ended.resolve('detached');
    else this.#ended.reject(new EngineError('resource-exhausted', message));
    this.#socket.destroy();
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended.reject(
      new EngineError(
        'unavailable',
        'the connection to davit-pump was lost; attach again, the container is not touched',
      ),
    );
    for (const output of [this.stdout, this.stderr]) output?.push(null);
    this.stdin?.destroy();
  }
}
