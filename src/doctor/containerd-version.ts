import { Client, credentials } from '@grpc/grpc-js';
import { Reader } from 'protobufjs/minimal.js';

const METHOD = '/containerd.services.version.v1.Version/Version';
const TIMEOUT_MS = 5_000;
/** The reply's first field, a string: number 1, type 2. */
const VERSION_TAG = 10;

/** What the containerd at a unix socket says its version is; undefined when nobody answers in time. */
export async function containerdVersion(socket: string): Promise<string | undefined> {
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), { 'grpc.default_authority': 'localhost' });
  try {
    return await new Promise((resolve) => {
      client.makeUnaryRequest(
        METHOD,
        () => Buffer.alloc(0),
        parseVersion,
        {},
        { deadline: Date.now() + TIMEOUT_MS },
        (_error, version) => resolve(version),
      );
    });
  } finally {
    client.close();
  }
}

/** A whole client of containerd for one string would make the tool twice as large. */
export function parseVersion(reply: Uint8Array): string | undefined {
  const reader = Reader.create(reply);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === VERSION_TAG) return reader.string();
    reader.skipType(tag & 7);
  }
  return undefined;
}
