import { isatty } from 'node:tty';
import { checkConfig, ConfigError, diskFiles, loadConfig, runConfigCommand, usage } from '../config/index.ts';
import { createEngine, namedFileChecks } from '../engine/index.ts';
import { createCallContext, createLogger } from '../telemetry/index.ts';
import { VERSION } from '../version.ts';
import { findEntries } from './entries.ts';
import { thisMachine, unprivileged } from './preflight.ts';
import { runDaemon } from './run.ts';

const FAILED = 1;
/** Whatever is wrong with the configuration, the command line being part of it. */
const BAD_CONFIGURATION = 2;
const STDERR = 2;

/** davitd as it is called; resolves with the exit code. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  try {
    if (argv[0] === 'config') return runConfigCommand(argv.slice(1), process.stdout, configFiles());
    if (argv.includes('--help') || argv.includes('-h')) return print(usage());
    if (argv.includes('--version')) return print(`davitd ${VERSION}\n`);
    return await serve(argv);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`davitd: the configuration cannot be used:\n${error.message}\n`);
    return BAD_CONFIGURATION;
  }
}

async function serve(argv: readonly string[]): Promise<number> {
  const config = loadConfig(argv, configFiles());
  const refusal = unprivileged(thisMachine());
  if (refusal !== undefined) {
    process.stderr.write(`${refusal}\n`);
    return FAILED;
  }
  const calls = createCallContext();
  const logger = createLogger({ level: config.logLevel, pretty: isatty(STDERR), context: calls.fields });
  process.on('uncaughtExceptionMonitor', (error, origin) =>
    logger.fatal({ err: error, origin }, 'davitd dies of a bug'),
  );
  try {
    return await runDaemon(config, {
      logger,
      calls,
      readConfig: () => checkConfig(argv, configFiles()),
      createEngine: (deps) =>
        createEngine(config, { ...deps, version: VERSION, entries: findEntries(import.meta.url) }),
    });
  } catch (error) {
    logger.fatal({ err: error }, 'davitd cannot start');
    return FAILED;
  }
}

function configFiles() {
  return diskFiles(namedFileChecks);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
