import type { Duplex } from 'node:stream';
import type { CommandSession } from './command-session.ts';
import { exitStatus, SUCCESS } from './command-status.ts';
import type { CommandStatus } from './command-status.ts';
import { carrierOf, negotiate, offeredVersions, refuse, refuseVersions, switchToSpdy } from './handshake.ts';
import type { Carrier, Upgrade } from './handshake.ts';
import { aborted } from './linked-signal.ts';
import { PORT_FORWARD_PROTOCOLS, servePortForward } from './port-forward.ts';
import { serveCommand } from './remotecommand.ts';
import type { TerminalSize } from './resize.ts';
import type { StreamingSettings } from './settings.ts';
import { openSpdyCommand, SPDY_COMMAND_PROTOCOLS } from './spdy-command.ts';
import type { AttachRequest, ExecRequest, PortForwardRequest, StreamingTargets } from './targets.ts';
import { acceptWebSocket, offeredProtocols, webSocketTunnel } from './websocket/index.ts';
import { openWebSocketCommand, WEBSOCKET_COMMAND_PROTOCOLS } from './websocket-command.ts';

/** What a token stands for. */
export type Asked =
  | { readonly kind: 'exec'; readonly request: ExecRequest }
  | { readonly kind: 'attach'; readonly request: AttachRequest }
  | { readonly kind: 'portforward'; readonly request: PortForwardRequest };

export interface SessionDeps {
  readonly settings: StreamingSettings;
  readonly targets: StreamingTargets;
  /** Aborted, with an error for the client to read, when the session is to end. */
  readonly stop: AbortSignal;
  /** Data came or went. */
  readonly onActivity: () => void;
  /** Nobody's session any more, and yet something of it could not be taken back. */
  readonly onLeft: (error: unknown) => void;
  /** A connection to a port has ended; the error says why, where there is one. */
  readonly onForwarded: (port: number, error: unknown) => void;
}

/** How a session went. */
export interface SessionResult {
  readonly carrier: Carrier;
  readonly protocol: string;
  /** Of exec and attach. */
  readonly status?: CommandStatus;
}

/** Port forward over WebSocket is SPDY in a tunnel. */
const TUNNEL_PROTOCOLS = ['SPDY/3.1+portforward.k8s.io'];
/**
 * Clients tell the size of their terminal right after its stream is open, which is one journey to them and back. Those
 * that have no terminal to tell of wait in vain.
 */
const FIRST_SIZE_MS = 250;
/** What is left of a connection when its session is stopped. */
const LAST_WORDS_MS = 1_000;

/**
 * Carries out what was asked, from the handshake to the end. Resolves with undefined when the handshake was refused;
 * rejects when the client is gone, or its streams are not there in time.
 */
export async function serveSession(
  asked: Asked,
  upgrade: Upgrade,
  deps: SessionDeps,
): Promise<SessionResult | undefined> {
  const carrier = carrierOf(upgrade.request);
  if (carrier === undefined) {
    refuse(upgrade.socket, 400, 'this is spoken over SPDY/3.1 or WebSocket; ask for one of them by Upgrade');
    return undefined;
  }
  const protocol = agree(asked, carrier, upgrade);
  if (protocol === undefined) return undefined;
  if (asked.kind === 'portforward') return forwardPorts(asked.request, carrier, protocol, upgrade, deps);
  const session = await openCommand(asked, carrier, protocol, upgrade, deps);
  if (session === undefined) return undefined;
  const status = await serveCommand(session, { ...deps, ...commandOf(asked, deps.targets) });
  return { carrier, protocol, status };
}

/** The protocol that both know; undefined, and the client is told, when there is none. */
function agree({ kind }: Asked, carrier: Carrier, { request, socket }: Upgrade): string | undefined {
  const isWebSocket = carrier === 'websocket';
  const isCommand = kind !== 'portforward';
  const known = isWebSocket
    ? isCommand
      ? WEBSOCKET_COMMAND_PROTOCOLS
      : TUNNEL_PROTOCOLS
    : isCommand
      ? SPDY_COMMAND_PROTOCOLS
      : PORT_FORWARD_PROTOCOLS;
  const offered = isWebSocket ? offeredProtocols(request) : offeredVersions(request);
  // Clients of old name none and mean the oldest.
  const oldest = isWebSocket && !isCommand ? undefined : known.at(-1);
  const protocol = negotiate(offered, known, oldest);
  if (protocol === undefined) refuseVersions(socket, offered, known);
  return protocol;
}

async function openCommand(
  { request: asked }: Exclude<Asked, { kind: 'portforward' }>,
  carrier: Carrier,
  protocol: string,
  upgrade: Upgrade,
  { settings, onActivity }: SessionDeps,
): Promise<CommandSession | undefined> {
  if (carrier === 'websocket') {
    const socket = await acceptWebSocket(upgrade.request, upgrade.socket, upgrade.head, protocol);
    const options = { asked, protocol, onActivity };
    return socket === undefined ? undefined : openWebSocketCommand(socket, upgrade.socket, options);
  }
  switchToSpdy(upgrade, protocol);
  const { creationTimeoutMs } = settings;
  return openSpdyCommand(upgrade.socket, { asked, protocol, creationTimeoutMs, onActivity });
}

function commandOf(asked: Exclude<Asked, { kind: 'portforward' }>, targets: StreamingTargets) {
  if (asked.kind === 'exec') {
    return {
      start: (signal: AbortSignal, size: TerminalSize | undefined) =>
        targets.exec({ ...asked.request, ...(size === undefined ? {} : { size }) }, signal),
      statusOf: exitStatus,
      firstSizeMs: FIRST_SIZE_MS,
    };
  }
  // That the container has ended is no failure of attach, whatever its exit code.
  return {
    start: (signal: AbortSignal) => targets.attach(asked.request, signal),
    statusOf: () => SUCCESS,
  };
}

async function forwardPorts(
  { sandboxId }: PortForwardRequest,
  carrier: Carrier,
  protocol: string,
  upgrade: Upgrade,
  deps: SessionDeps,
): Promise<SessionResult | undefined> {
  const transport = await openTransport(carrier, protocol, upgrade);
  if (transport === undefined) return undefined;
  const { settings, targets, stop, onActivity, onForwarded } = deps;
  const { creationTimeoutMs } = settings;
  const connection = servePortForward(transport, {
    sandboxId,
    target: targets,
    creationTimeoutMs,
    onActivity,
    onForwarded,
  });
  await Promise.race([aborted(connection.gone), aborted(stop)]);
  await connection.close(stop.aborted ? AbortSignal.timeout(LAST_WORDS_MS) : undefined);
  return { carrier, protocol };
}

async function openTransport(carrier: Carrier, protocol: string, upgrade: Upgrade): Promise<Duplex | undefined> {
  if (carrier === 'websocket') {
    const socket = await acceptWebSocket(upgrade.request, upgrade.socket, upgrade.head, protocol);
    return socket === undefined ? undefined : webSocketTunnel(socket);
  }
  switchToSpdy(upgrade, protocol);
  return upgrade.socket;
}
