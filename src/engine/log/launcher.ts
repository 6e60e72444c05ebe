import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PUMP_FOLDER } from '../../sys/pump-protocol.ts';
import { closeAllOnExec } from '../../sys/close-on-exec.ts';

export interface LaunchOptions {
  /** The pump's program: src/pump/main.ts, or its bundle. */
  readonly entry: string;
  /** davitd's state folder. */
  readonly state: string;
  /** davit's version, for later davitds to know it by. */
  readonly version: string;
  /** `inherit` leaves the pump in the starter's cgroup, as tests want it; default `own`. */
  readonly cgroup?: 'own' | 'inherit';
}

/** What the pump that is started has to know of the moment. */
export interface LaunchMoment {
  /** The pid of the pump that it replaces. */
  readonly replaces?: number;
  /** Until now nobody held the other ends of the FIFOs: davitd has just started, too. */
  readonly unguarded?: boolean;
}

export interface LaunchedPump {
  readonly pid: number | undefined;
  /** Why it ended, once it has: an exit code or a signal, or why it could not be started. */
  readonly ended: Promise<string>;
  /** Its stdout and stderr. */
  readonly logPath: string;
}

const FOLDER_MODE = 0o700;
/** No inspector at SIGUSR1, and garbage is collected before it is much. */
const NODE_FLAGS = ['--disable-sigusr1', '--max-semi-space-size=8'];
const LOG_MODE = 0o640;
const LOG_LIMIT_BYTES = 1024 * 1024;

/** Starts a pump that outlives this process: own session, nothing inherited but its log. Where one runs already, it ends by itself. */
export function launchPump(options: LaunchOptions, moment: LaunchMoment = {}): LaunchedPump {
  const { entry, state, version, cgroup = 'own' } = options;
  const folder = join(state, PUMP_FOLDER);
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  const logPath = join(folder, 'pump.log');
  const log = openLog(logPath);
  try {
    closeAllOnExec();
    const flags = ['--state', state, '--version', version, '--cgroup', cgroup];
    if (moment.replaces !== undefined) flags.push('--replace', String(moment.replaces));
    if (moment.unguarded === true) flags.push('--unguarded');
    const child = spawn(process.execPath, [...NODE_FLAGS, entry, ...flags], {
      cwd: '/',
      detached: true,
      env: { PATH: process.env['PATH'] ?? '' },
      stdio: ['ignore', log, log],
    });
    child.unref();
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
    return { pid: child.pid, ended, logPath };
  } finally {
    closeSync(log);
  }
}

/** Opens the pump's own log; one that has grown large makes room, one old file is kept. */
function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(path, `${path}.old`);
  return openSync(path, 'a', LOG_MODE);
}
