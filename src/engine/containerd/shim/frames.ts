import { Reader, Writer } from 'protobufjs/minimal.js';
import { google } from '../generated/containerd.js';

/**
 * ttrpc on the wire, as far as unary calls need it. A frame is a header of ten bytes (length of the payload u32 BE, stream
 * id u32 BE, type u8, flags u8) and a protobuf message. The client's streams have odd ids.
 */
export interface Frame {
  readonly stream: number;
  readonly type: number;
  readonly payload: Buffer;
}

export interface TtrpcRequest {
  /** e.g. `containerd.task.v2.Task` */
  readonly service: string;
  readonly method: string;
  readonly payload: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface TtrpcResponse {
  /** A gRPC code and its message; undefined is success. */
  readonly status: { readonly code: number; readonly message: string } | undefined;
  readonly payload: Uint8Array;
}

export const REQUEST = 1;
export const RESPONSE = 2;

const HEADER_BYTES = 10;
/** What both sides refuse to send: a longer frame is no ttrpc. */
const PAYLOAD_MAX_BYTES = 4 * 1024 * 1024;

export function encodeRequest(stream: number, request: TtrpcRequest): Buffer {
  const writer = Writer.create();
  writer.uint32(field(1)).string(request.service);
  writer.uint32(field(2)).string(request.method);
  writer.uint32(field(3)).bytes(request.payload);
  for (const [key, value] of Object.entries(request.metadata)) {
    writer.uint32(field(5)).fork().uint32(field(1)).string(key).uint32(field(2)).string(value).ldelim();
  }
  return encodeFrame({ stream, type: REQUEST, payload: Buffer.from(writer.finish()) });
}

/** Throws on bytes that are no response. */
export function decodeResponse(bytes: Uint8Array): TtrpcResponse {
  const reader = Reader.create(bytes);
  let status: TtrpcResponse['status'];
  let payload: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === field(1)) status = google.rpc.Status.decode(reader, reader.uint32());
    else if (tag === field(2)) payload = reader.bytes();
    else reader.skipType(tag & 7);
  }
  return { status: status === undefined || status.code === 0 ? undefined : status, payload };
}

export function encodeFrame({ stream, type, payload }: Frame): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt32BE(stream, 4);
  frame.writeUInt8(type, 8);
  frame.writeUInt8(0, 9);
  payload.copy(frame, HEADER_BYTES);
  return frame;
}

/** Takes chunks as they come and gives whole frames. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);

  /** Throws when what comes is no ttrpc; nothing can be read after that. */
  push(chunk: Buffer): readonly Frame[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (bytes.length >= HEADER_BYTES) {
      const length = bytes.readUInt32BE(0);
      if (length > PAYLOAD_MAX_BYTES) throw new Error(`a frame of ${length} bytes: this is no ttrpc`);
      if (bytes.length < HEADER_BYTES + length) break;
      frames.push({
        stream: bytes.readUInt32BE(4),
        type: bytes.readUInt8(8),
        payload: bytes.subarray(HEADER_BYTES, HEADER_BYTES + length),
      });
      bytes = bytes.subarray(HEADER_BYTES + length);
    }
    this.#rest = bytes;
    return frames;
  }
}

/** The tag of a length-delimited field. */
function field(number: number): number {
  return (number << 3) | 2;
}
