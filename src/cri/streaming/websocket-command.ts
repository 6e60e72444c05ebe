import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { CommandSession } from './command-session.ts';
import type { AskedStreams } from './targets.ts';
import { BASE64, BINARY, Channels } from './websocket/index.ts';
import type { ChannelCodec } from './websocket/index.ts';

interface WebSocketProtocol {
  readonly codec: ChannelCodec;
  readonly halfClose: boolean;
  readonly statusFormat: 'json' | 'text';
}

const OLDEST: WebSocketProtocol = { codec: BINARY, halfClose: false, statusFormat: 'text' };
/** The versions of the protocol that are spoken over WebSocket; '' is what a client gets that names none. */
const PROTOCOLS: ReadonlyMap<string, WebSocketProtocol> = new Map<string, WebSocketProtocol>([
  ['v5.channel.k8s.io', { codec: BINARY, halfClose: true, statusFormat: 'json' }],
  ['v4.channel.k8s.io', { codec: BINARY, halfClose: false, statusFormat: 'json' }],
  ['v4.base64.channel.k8s.io', { codec: BASE64, halfClose: false, statusFormat: 'json' }],
  ['channel.k8s.io', OLDEST],
  ['base64.channel.k8s.io', { codec: BASE64, halfClose: false, statusFormat: 'text' }],
  ['', OLDEST],
]);

export const WEBSOCKET_COMMAND_PROTOCOLS: readonly string[] = [...PROTOCOLS.keys()];

export interface WebSocketCommandOptions {
  readonly asked: AskedStreams;
  /** One of WEBSOCKET_COMMAND_PROTOCOLS. */
  readonly protocol: string;
  readonly onActivity: () => void;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;

/** Speaks remotecommand over a WebSocket on a transport; its channels are there from the start. */
export function openWebSocketCommand(
  socket: WebSocket,
  transport: Duplex,
  options: WebSocketCommandOptions,
): CommandSession {
  const { asked, protocol, onActivity } = options;
  const { statusFormat, ...framing } = PROTOCOLS.get(protocol) ?? OLDEST;
  const channels = Channels.serve(socket, { ...framing, transport, onActivity });
  const session: CommandSession = {
    ...(asked.stdin ? { stdin: channels.input(STDIN) } : {}),
    ...(asked.stdout ? { stdout: channels.output(STDOUT) } : {}),
    ...(asked.stderr && !asked.tty ? { stderr: channels.output(STDERR) } : {}),
    ...(asked.tty ? { resize: channels.input(RESIZE) } : {}),
    error: channels.output(ERROR),
    statusFormat,
    gone: channels.gone,
    close: (hurry) => channels.close(hurry),
  };
  channels.start();
  // Clients wait for a first message, which may be empty, to know that the session has begun.
  (session.stdout ?? session.stderr ?? session.error).write(Buffer.alloc(0));
  return session;
}
