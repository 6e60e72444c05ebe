import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EngineError, messageOf } from '../errors.ts';
import type { HandlerConfig } from '../engine-config.ts';
import { parseRuntimeFeatures, parseRuntimeVersion, runcWarning } from './runtime-info.ts';
import type { RuntimeFeatures, RuntimeVersion } from './runtime-info.ts';

/** What the OCI runtime behind a handler is and can do. */
export interface RuntimeProbe {
  readonly binary: string;
  readonly version: RuntimeVersion;
  /** Absent: a runtime too old to tell. */
  readonly features?: RuntimeFeatures;
  /** For the operator's log and Status. */
  readonly warnings: readonly string[];
}

const DEFAULT_BINARY = 'runc';
const DEADLINE_MS = 10_000;
const OUTPUT_MAX_BYTES = 1024 * 1024;
const run = promisify(execFile);

/**
 * Asks the runtime of a runc-like handler for its version and features. Throws failed-precondition when it cannot be run,
 * deadline-exceeded when it does not answer.
 */
export async function probeRuntime(
  { binary = DEFAULT_BINARY }: Pick<HandlerConfig, 'binary'>,
  signal: AbortSignal,
  deadlineMs: number = DEADLINE_MS,
): Promise<RuntimeProbe> {
  const version = parseRuntimeVersion(await output(binary, '--version', signal, deadlineMs));
  const features = await output(binary, 'features', signal, deadlineMs).then(parseRuntimeFeatures, () => undefined);
  signal.throwIfAborted();
  const warning = runcWarning(binary, version);
  return {
    binary,
    version,
    ...(features === undefined ? {} : { features }),
    warnings: warning === undefined ? [] : [warning],
  };
}

async function output(binary: string, command: string, signal: AbortSignal, deadlineMs: number): Promise<string> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    const { stdout } = await run(binary, [command], {
      signal: AbortSignal.any([signal, deadline]),
      killSignal: 'SIGKILL',
      maxBuffer: OUTPUT_MAX_BYTES,
    });
    return stdout;
  } catch (error) {
    signal.throwIfAborted();
    const what = `OCI runtime ${binary} ${command}`;
    if (deadline.aborted) {
      throw new EngineError('deadline-exceeded', `${what}: no answer within ${deadlineMs / 1000} s`, { cause: error });
    }
    throw new EngineError('failed-precondition', `${what}: ${messageOf(error)}; is it installed and in PATH?`, {
      cause: error,
    });
  }
}
