import type { Duplex } from 'node:stream';
import { EngineError } from '../../engine/index.ts';
import type { CommandSession } from './command-session.ts';
import { SpdyConnection } from './spdy/index.ts';
import type { SpdyHeaders, SpdyStream } from './spdy/index.ts';
import type { AskedStreams } from './targets.ts';

/** The versions of the protocol that are spoken over SPDY, the best first. */
export const SPDY_COMMAND_PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];

export interface SpdyCommandOptions {
  readonly asked: AskedStreams;
  /** One of SPDY_COMMAND_PROTOCOLS. */
  readonly protocol: string;
  readonly creationTimeoutMs: number;
  readonly onActivity: () => void;
}

const STREAM_TYPE = 'streamtype';
const KNOWN_TYPES = ['error', 'stdin', 'stdout', 'stderr', 'resize'] as const;
type StreamType = (typeof KNOWN_TYPES)[number];

/**
 * Speaks remotecommand over SPDY. Resolves once the client has opened every stream that it asked for; rejects, with the
 * connection cut, when it goes or takes too long.
 */
export async function openSpdyCommand(transport: Duplex, options: SpdyCommandOptions): Promise<CommandSession> {
  const expected = expectedTypes(options);
  const streams = new Map<StreamType, SpdyStream>();
  const complete = Promise.withResolvers<void>();
  const connection = SpdyConnection.serve(transport, {
    accepts: (headers) => isFree(typeOf(headers), streams),
    onStream: (stream) => {
      const type = typeOf(stream.headers);
      if (type !== undefined) streams.set(type, stream);
      if (expected.every((one) => streams.has(one))) complete.resolve();
    },
    onActivity: options.onActivity,
  });
  const late = setTimeout(() => {
    connection.destroy(`the client has not opened its streams in ${options.creationTimeoutMs} ms`);
  }, options.creationTimeoutMs);
  connection.gone.addEventListener('abort', () => complete.reject(connection.gone.reason as Error), { once: true });
  try {
    await complete.promise;
  } finally {
    clearTimeout(late);
  }
  return toSession(connection, streams, expected, options.protocol);
}

function toSession(
  connection: SpdyConnection,
  streams: ReadonlyMap<StreamType, SpdyStream>,
  expected: readonly StreamType[],
  protocol: string,
): CommandSession {
  const error = streams.get('error');
  if (error === undefined) throw new EngineError('internal', 'a session without an error stream');
  // Nobody reads what a client sends where only it is to read, or what it opened without having asked for it.
  for (const [type, stream] of streams) if (isOutput(type) || !expected.includes(type)) stream.resume();
  const asked = Object.fromEntries([...streams].filter(([type]) => expected.includes(type)));
  return {
    ...asked,
    error,
    statusFormat: protocol.startsWith('v4.') ? 'json' : 'text',
    gone: connection.gone,
    close: (hurry) => connection.close(hurry),
  };
}

function expectedTypes({ asked, protocol }: SpdyCommandOptions): readonly StreamType[] {
  const canResize = protocol.startsWith('v4.') || protocol.startsWith('v3.');
  const wanted: Readonly<Record<StreamType, boolean>> = {
    error: true,
    stdin: asked.stdin,
    stdout: asked.stdout,
    stderr: asked.stderr && !asked.tty,
    resize: asked.tty && canResize,
  };
  return KNOWN_TYPES.filter((type) => wanted[type]);
}

function typeOf(headers: SpdyHeaders): StreamType | undefined {
  return KNOWN_TYPES.find((type) => type === headers.get(STREAM_TYPE));
}

function isFree(type: StreamType | undefined, streams: ReadonlyMap<StreamType, SpdyStream>): boolean {
  return type !== undefined && !streams.has(type);
}

function isOutput(type: StreamType): boolean {
  return type === 'error' || type === 'stdout' || type === 'stderr';
}
