import { Duplex } from 'node:stream';

const BINARY = 0x82;
const CLOSE = 0x88;
const MASK = Buffer.from([1, 2, 3, 4]);

/** The bytes in a WebSocket's messages as one stream each way, from the client's end. Knows nothing but binary messages. */
export function clientTunnel(socket: Duplex): Duplex {
  let rest = Buffer.alloc(0);
  const tunnel = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => void socket.write(masked(BINARY, chunk), done),
    final: (done) => void socket.end(masked(CLOSE, Buffer.from([3, 0xe8])), done),
  });
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
      rest = rest.subarray(frame.end);
      if (frame.opcode === CLOSE) tunnel.push(null);
      else if (frame.opcode === BINARY && !tunnel.push(frame.payload)) socket.pause();
    }
  });
  socket.on('close', () => tunnel.push(null));
  return tunnel;
}

function readFrame(
  bytes: Buffer,
): { readonly opcode: number; readonly payload: Buffer; readonly end: number } | undefined {
  const short = bytes[1] ?? 0;
  const at = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < at) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < at + length) return undefined;
  return { opcode: bytes[0] ?? 0, payload: Buffer.from(bytes.subarray(at, at + length)), end: at + length };
}

function masked(opcode: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt8(opcode);
  head.writeUInt8(0x80 | 127, 1);
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, MASK, payload.map((byte, at) => byte ^ (MASK[at % 4] ?? 0))]);
}
