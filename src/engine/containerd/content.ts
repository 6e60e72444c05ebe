import Long from 'long';
import { EngineError } from '../errors.ts';
import type { CallOptions, DuplexCall } from './call.ts';
import type { ContentClient } from './clients.ts';
import { content } from './generated/containerd.js';

/** Reads a whole blob. Fails when it is larger than `maxBytes`. */
export async function readBlob(
  client: ContentClient,
  digest: string,
  maxBytes: number,
  options: CallOptions,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const { data } of client.read({ digest }, options)) {
    size += data.length;
    if (size > maxBytes) throw new EngineError('resource-exhausted', `blob ${digest} is larger than ${maxBytes} bytes`);
    parts.push(data);
  }
  return Buffer.concat(parts, size);
}

export interface WriteTarget {
  /** Name of the write, under which it can be resumed. One writer at a time. */
  readonly ref: string;
  /** Size of the whole blob, if known. */
  readonly total?: number;
  /** Digest of the whole blob, if known. When the store has it already, opening fails with already-exists. */
  readonly expected?: string;
}

export interface CommitRequest {
  readonly size: number;
  readonly digest: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** An open write to the content store. Disposing it leaves what was written, to be resumed under its ref. */
export interface ContentWriter extends AsyncDisposable {
  /** How many bytes the store has. */
  readonly offset: number;
  /** Drops what was written. */
  restart(): void;
  /** Appends; resolves when the store has it. */
  write(data: Uint8Array): Promise<void>;
  /** Checks size and digest and publishes the blob. Call it once, last. A blob that is there already is success. */
  commit(request: CommitRequest): Promise<void>;
}

export async function openContentWriter(
  client: ContentClient,
  target: WriteTarget,
  options: CallOptions,
): Promise<ContentWriter> {
  const call = await client.write(options);
  try {
    const first = { ref: target.ref, total: target.total ?? 0, expected: target.expected ?? '' };
    const status = await exchange(call, target.ref, { action: content.WriteAction.STAT, ...first });
    return new Writer(call, target.ref, status.offset.toNumber());
  } catch (error) {
    await call[Symbol.asyncDispose]();
    throw error;
  }
}

type WriteCall = DuplexCall<content.IWriteContentRequest, content.WriteContentResponse>;

class Writer implements ContentWriter {
  readonly #call: WriteCall;
  readonly #ref: string;
  #offset: number;

  constructor(call: WriteCall, ref: string, offset: number) {
    this.#call = call;
    this.#ref = ref;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  restart(): void {
    this.#offset = 0; // a write at 0 truncates
  }

  async write(data: Uint8Array): Promise<void> {
    const expected = this.#offset + data.length;
    const offset = Long.fromNumber(this.#offset);
    const reply = await exchange(this.#call, this.#ref, { action: content.WriteAction.WRITE, offset, data });
    this.#offset = reply.offset.toNumber();
    if (this.#offset !== expected) {
      throw new EngineError('data-loss', `write of ${this.#ref}: at ${this.#offset} after writing up to ${expected}`);
    }
  }

  async commit({ size, digest, labels }: CommitRequest): Promise<void> {
    const request = { offset: this.#offset, total: size, expected: digest, labels: labels ?? {} };
    await exchange(this.#call, this.#ref, { action: content.WriteAction.COMMIT, ...request });
    this.#call.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#call[Symbol.asyncDispose]();
  }
}

/** Each request of a write has one reply. */
async function exchange(
  call: WriteCall,
  ref: string,
  request: content.IWriteContentRequest,
): Promise<content.WriteContentResponse> {
  await call.send({ ref, ...request });
  const reply = await call.receive();
  if (reply === undefined)
    throw new EngineError('unavailable', `write of ${ref}: containerd ended it before its reply`);
  return reply;
}
