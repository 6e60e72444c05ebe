import { messageOf } from '../engine/index.ts';
import { sendDatagram } from '../sys/notify-socket.ts';
import type { Logger } from '../telemetry/index.ts';

/** Tells the service manager how davitd is: systemd's sd_notify protocol. Says nothing where nobody listens. */
export interface Notifier {
  /** How often the manager wants a sign of life at least, in ms; undefined: it does not watch. */
  readonly watchdogMs: number | undefined;
  /** davitd serves. */
  ready(): void;
  /** One sentence for `systemctl status`. */
  status(text: string): void;
  /** The configuration is read again; ready() ends it. */
  reloading(): void;
  stopping(): void;
  /** A sign of life. */
  alive(): void;
}

export interface NotifierDeps {
  /** Holds NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, if there are any. They are taken out: children are not davitd. */
  readonly env: NodeJS.ProcessEnv;
  readonly pid: number;
  readonly logger: Pick<Logger, 'warn'>;
  readonly send?: (address: string, message: string) => void;
}

export function createNotifier({ env, pid, logger, send = sendDatagram }: NotifierDeps): Notifier {
  const socket = env['NOTIFY_SOCKET'] ?? '';
  const watchdogMs = socket === '' ? undefined : watchdogOf(env, pid);
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  const tell = (...lines: readonly string[]): void => {
    if (socket === '') return;
    try {
      send(socket, lines.join('\n'));
    } catch (error) {
      logger.warn({ socket, error: messageOf(error) }, 'the service manager could not be told');
    }
  };
  return {
    watchdogMs,
    ready: () => tell('READY=1', `MAINPID=${pid}`),
    status: (text) => tell(`STATUS=${text}`),
    // hrtime is the monotonic clock, as the manager's own.
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`),
    stopping: () => tell('STOPPING=1', 'STATUS=stopping; containers keep running'),
    alive: () => tell('WATCHDOG=1'),
  };
}

const MICROS_PER_MS = 1_000;

function watchdogOf(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const micros = Number(env['WATCHDOG_USEC']);
  const watched = env['WATCHDOG_PID'];
  if (!(micros > 0) || (watched !== undefined && watched !== String(pid))) return undefined;
  return micros / MICROS_PER_MS;
}
