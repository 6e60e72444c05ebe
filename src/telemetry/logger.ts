import { pino } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { build as buildPretty } from 'pino-pretty';

/** davitd's own log: `log.info({ sandbox: id }, 'sandbox is ready')`, `log.child({ subsystem: 'network' })`. */
export type Logger = PinoLogger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** File descriptor that lines go to; standard error by default, since standard output is for answers. */
  readonly fd?: number;
  /** Coloured lines for people instead of JSON; the caller knows whether the descriptor is a terminal. */
  readonly pretty?: boolean;
  /** Fields for a line, by where it is written: those of the call under way. The line's own fields win. */
  readonly context?: () => object;
}

const STDERR = 2;

/** Fields that hold secrets, wherever they stand in the first levels of a line's object. */
const SECRET_FIELDS = [
  'auth',
  'authorization',
  'Authorization',
  'identityToken',
  'password',
  'registryToken',
  'secret',
  'token',
];
const SECRET_DEPTH = 3;

/** Writes synchronously: a line is out before the next statement runs, also when that statement ends the process. */
export function createLogger(options: LoggerOptions): Logger {
  const fd = options.fd ?? STDERR;
  const stream = options.pretty === true ? prettyStream(fd) : pino.destination({ fd, sync: true });
  return createLoggerOn(stream, options.level, options.context);
}

/** As createLogger(), onto any stream. */
export function createLoggerOn(stream: DestinationStream, level: LogLevel, context?: () => object): Logger {
  return pino(
    {
      level,
      // No process id: lines are often about other processes', and whoever collects them knows this one's.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      ...(context === undefined ? {} : { mixin: () => ({ ...context() }) }),
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths(), censor: '[redacted]' },
    },
    stream,
  );
}

/** In this process: pino's transports would be threads, whose files a bundle does not have. */
function prettyStream(fd: number): DestinationStream {
  return buildPretty({ destination: fd, sync: true, translateTime: 'SYS:HH:MM:ss.l' });
}

function secretPaths(): string[] {
  const levels = Array.from({ length: SECRET_DEPTH }, (_, depth) => '*.'.repeat(depth));
  return levels.flatMap((prefix) => SECRET_FIELDS.map((field) => `${prefix}${field}`));
}
