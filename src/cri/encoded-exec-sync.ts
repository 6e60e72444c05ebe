import { Writer } from 'protobufjs/minimal.js';
import type { ExecSyncResult } from '../engine/index.ts';

/** Number and wire type of the reply's fields: stdout and stderr are bytes, the exit code a varint. */
const STDOUT_TAG = (1 << 3) | 2;
const STDERR_TAG = (2 << 3) | 2;
const EXIT_CODE_TAG = (3 << 3) | 0;

/**
 * The encoded ExecSyncResponse. Its outputs may be 16 MiB: they are copied once, where the generated encoder would hold
 * three copies at a time, and their own memory is given back now, not when the collector comes by.
 */
export function encodeExecSync({ stdout, stderr, exitCode }: ExecSyncResult): Buffer {
  const encoded = Buffer.concat([
    Writer.create().uint32(STDOUT_TAG).uint32(stdout.length).finish(),
    stdout,
    Writer.create().uint32(STDERR_TAG).uint32(stderr.length).finish(),
    stderr,
    Writer.create().uint32(EXIT_CODE_TAG).int32(exitCode).finish(),
  ]);
  for (const output of [stdout, stderr]) giveBack(output);
  return encoded;
}

/** Only what has its memory to itself: small buffers of Node share theirs. */
function giveBack({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
