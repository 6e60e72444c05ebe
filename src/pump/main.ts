import { createHash } from 'node:crypto';
import { readFileSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { moveToOwnCgroup } from './own-cgroup.ts';
import { EXIT_ANOTHER_PUMP } from '../sys/pump-protocol.ts';
import { messageOf } from './pump-error.ts';
import { createPumpLog } from './pump-log.ts';
import { startPump } from './pump.ts';

/** Folders are 0755, logs 0640, whatever the umask of whoever started this. */
const UMASK = 0o022;
const EXIT_USAGE = 2;
const STDERR_FD = 2;

const log = createPumpLog(writeStderr);

/** An error that nobody foresaw ends the process: the next pump goes on exactly where this one was. */
process.on('uncaughtException', (error) => {
  log.error('ends', { problem: error.stack ?? messageOf(error) });
  process.exit(1);
});

await main();

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) return process.exit(EXIT_USAGE);
  process.title = `davit-pump --state ${options.state}`; // ps tells whose it is
  process.umask(UMASK);
  process.chdir('/');
  const cgroup = options.cgroup === 'own' ? moveToOwnCgroup(log) : { leave: () => undefined };
  const stop = (reason: string): never => {
    log.info('ends', { reason });
    pump?.close();
    cgroup.leave();
    process.exit(0);
  };
  const build = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .digest('hex');
  const pump = await startPump({ ...options, build, log, onUnreachable: () => stop('its socket is gone') });
  if (pump === undefined) {
    log.info('another pump serves this state', { state: options.state });
    return process.exit(EXIT_ANOTHER_PUMP);
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  // Unhandled, these would end it: its terminal closes, somebody wants an inspector or a dump.
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined);
}

/** The pump goes on without its own log where the disk takes no more. */
function writeStderr(line: string): void {
  try {
    writeSync(STDERR_FD, line);
  } catch {
    // nobody could be told
  }
}

interface Options {
  readonly state: string;
  readonly version: string;
  readonly cgroup: string;
  readonly replaces?: number;
  readonly unguarded: boolean;
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        state: { type: 'string' },
        version: { type: 'string', default: 'unknown' },
        cgroup: { type: 'string', default: 'own' },
        replace: { type: 'string' },
        unguarded: { type: 'boolean', default: false },
      },
    });
    if (values.state?.startsWith('/') !== true) throw new Error('--state must be an absolute path');
    if (values.cgroup !== 'own' && values.cgroup !== 'inherit') throw new Error('--cgroup must be own or inherit');
    const replaces = values.replace === undefined ? undefined : Number(values.replace);
    if (replaces !== undefined && !(replaces > 1)) throw new Error('--replace must be the pid of a pump');
    const { state, version, cgroup, unguarded } = values;
    return { state, version, cgroup, unguarded, ...(replaces === undefined ? {} : { replaces }) };
  } catch (error) {
    writeStderr(
      `davit-pump: ${messageOf(error)}\nusage: davit-pump --state DIR [--version V] [--cgroup own|inherit] [--replace PID] [--unguarded]\n`,
    );
    return undefined;
  }
}
