import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, invalidField, messageOf } from '../../engine/index.ts';
import type { RpcLogger } from '../../rpc/index.ts';
import { refuse } from './handshake.ts';
import type { Upgrade } from './handshake.ts';
import { listenHttp } from './http-listener.ts';
import type { HttpListener } from './http-listener.ts';
import { IdleTimer } from './idle-timer.ts';
import { serveSession } from './session.ts';
import type { Asked, SessionResult } from './session.ts';
import type { StreamingSettings } from './settings.ts';
import type { AskedStreams, AttachRequest, ExecRequest, PortForwardRequest, StreamingTargets } from './targets.ts';
import { Tokens } from './tokens.ts';

export interface StreamingServerDeps {
  readonly settings: StreamingSettings;
  readonly targets: StreamingTargets;
  readonly logger: Pick<RpcLogger, 'debug' | 'info' | 'warn'>;
  /** How long sessions may go on after close(); 10 s unless said otherwise. */
  readonly drainMs?: number;
  /** How often the files of TLS are looked at; every 10 s unless said otherwise. */
  readonly tlsIntervalMs?: number;
}

/** Hands out URLs, each good for one session, and serves the sessions. */
export interface StreamingServer {
  /** Sessions that have not ended. */
  readonly sessions: number;
  /** Resolves once connections are taken. Throws when the address is taken or TLS cannot be set up. */
  listen(): Promise<void>;
  /** The URL for the client. Throws invalid-argument, resource-exhausted, or unavailable when it does not listen. */
  getExec(request: ExecRequest): string;
  getAttach(request: AttachRequest): string;
  getPortForward(request: PortForwardRequest): string;
  /**
   * Takes no more connections, lets the sessions end, then ends those that still run, with a word to their clients.
   * `hurry` cuts the waiting short. Idempotent.
   */
  close(hurry?: AbortSignal): Promise<void>;
}

const DRAIN_MS = 10_000;
/** For sessions that were told to end. */
const LAST_WORDS_MS = 2_000;
const TLS_INTERVAL_MS = 10_000;

const PATH = /^\/(exec|attach|portforward)\/([\w-]+)$/;

/** The server of exec, attach and port forward, to be started by listen(). */
export function createStreamingServer(deps: StreamingServerDeps): StreamingServer {
  return new Streaming(deps);
}

interface Session {
  readonly stop: AbortController;
  /** Never rejects. */
  readonly ended: Promise<void>;
}

class Streaming implements StreamingServer {
  readonly #deps: StreamingServerDeps;
  readonly #tokens = new Tokens<Asked>();
  readonly #running = new Map<Duplex, Session>();
  #listener: HttpListener | undefined;
  #closing: Promise<void> | undefined;

  constructor(deps: StreamingServerDeps) {
    this.#deps = deps;
  }

  get sessions(): number {
    return this.#running.size;
  }

  async listen(): Promise<void> {
    const { settings, logger, tlsIntervalMs = TLS_INTERVAL_MS } = this.#deps;
    const onUpgrade = (upgrade: Upgrade): void => this.#serve(upgrade);
    this.#listener = await listenHttp({ settings, logger, onUpgrade, tlsIntervalMs });
    logger.info({ url: this.#listener.url }, 'streaming server listens');
  }

  getExec(request: ExecRequest): string {
    if (request.cmd.length === 0) throw invalidField('cmd', 'must name a command');
    checkStreams(request);
    return this.#url({ kind: 'exec', request });
  }

  getAttach(request: AttachRequest): string {
    checkStreams(request);
    return this.#url({ kind: 'attach', request });
  }

  getPortForward(request: PortForwardRequest): string {
    return this.#url({ kind: 'portforward', request });
  }

  close(hurry?: AbortSignal): Promise<void> {
    return (this.#closing ??= this.#close(hurry));
  }

  #url(asked: Asked): string {
    if (this.#listener === undefined || this.#closing !== undefined) {
      throw new EngineError('unavailable', 'streaming server: it does not listen; ask again once davitd is up');
    }
    return `${this.#listener.url}/${asked.kind}/${this.#tokens.issue(asked)}`;
  }

  #serve(upgrade: Upgrade): void {
    const [, kind, token = ''] = PATH.exec((upgrade.request.url ?? '').split('?', 1)[0] ?? '') ?? [];
    const asked = this.#tokens.redeem(token);
    if (asked === undefined || asked.kind !== kind) {
      refuse(upgrade.socket, 404, 'no such session: a URL is good once, and for a minute');
      return;
    }
    const stop = new AbortController();
    const ended = this.#run(asked, upgrade, stop).finally(() => {
      this.#running.delete(upgrade.socket);
      upgrade.socket.destroy();
    });
    this.#running.set(upgrade.socket, { stop, ended });
  }

  /** Never rejects. */
  async #run(asked: Asked, upgrade: Upgrade, stop: AbortController): Promise<void> {
    const { settings, targets, logger } = this.#deps;
    const subject = subjectOf(asked);
    using timer = IdleTimer.start(settings.idleTimeoutMs, () => stop.abort(isIdle(settings.idleTimeoutMs)));
    const began = performance.now();
    try {
      const result = await serveSession(asked, upgrade, {
        settings,
        targets,
        stop: stop.signal,
        onActivity: () => timer.touch(),
        onLeft: (error) => logger.warn({ ...subject, error: messageOf(error) }, `${asked.kind}: not all was undone`),
        onForwarded: (port, error) => {
          if (error !== undefined) logger.debug({ ...subject, port, error: messageOf(error) }, 'port forward failed');
        },
      });
      logger.info(
        { ...subject, ...fieldsOf(result), ms: Math.round(performance.now() - began) },
        `${asked.kind} ended`,
      );
    } catch (error) {
      logger.info({ ...subject, error: messageOf(error) }, `${asked.kind} did not come about`);
    }
  }

  async #close(hurry: AbortSignal | undefined): Promise<void> {
    this.#listener?.close();
    await this.#drained(this.#deps.drainMs ?? DRAIN_MS, hurry);
    const why = new EngineError('unavailable', 'davitd is stopping');
    for (const { stop } of this.#running.values()) stop.abort(why);
    await this.#drained(LAST_WORDS_MS, hurry);
    for (const socket of this.#running.keys()) socket.destroy();
  }

  async #drained(ms: number, hurry: AbortSignal | undefined): Promise<void> {
    const timer = new AbortController();
    const signal = hurry === undefined ? timer.signal : AbortSignal.any([timer.signal, hurry]);
    const late = sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
    await Promise.race([Promise.all([...this.#running.values()].map(({ ended }) => ended)), late]);
    timer.abort();
  }
}

function checkStreams({ tty, stdin, stdout, stderr }: AskedStreams): void {
  if (!stdin && !stdout && !stderr) throw invalidField('stdout', 'one of stdin, stdout and stderr must be asked for');
  if (tty && stderr) throw invalidField('stderr', 'must not be asked for together with tty: a terminal has one output');
}

function isIdle(ms: number): EngineError {
  return new EngineError('deadline-exceeded', `the session was ended after ${ms / 1000} s without data`);
}

function subjectOf({ kind, request }: Asked): object {
  return kind === 'portforward' ? { sandbox: request.sandboxId } : { container: request.containerId };
}

function fieldsOf(result: SessionResult | undefined): object {
  if (result === undefined) return { error: 'the handshake was refused' };
  const { carrier, protocol, status } = result;
  return { carrier, protocol, ...(status?.message === undefined ? {} : { outcome: status.message }) };
}
