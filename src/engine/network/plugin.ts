import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, kindOf, messageOf } from '../errors.ts';
import { isObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { describe, pluginError } from './plugin-error.ts';
import type { PluginSubject } from './plugin-error.ts';
import { runProcess } from './plugin-process.ts';

export interface PluginCall {
  readonly subject: PluginSubject;
  /** Path of the binary, from `findPlugin`. */
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: JsonObject;
}

/** How long a whole operation may take, and who may end it before. */
export interface Limits {
  /** The caller's. */
  readonly signal: AbortSignal;
  /** Aborts when the operation's time is up. */
  readonly deadline: AbortSignal;
  readonly timeoutMs: number;
}

/** A plugin that said no by itself, so that it was not cut off in the middle of its work. */
export class PluginRefusal extends EngineError {}

export function limitsOf(signal: AbortSignal, timeoutMs: number): Limits {
  return { signal, deadline: AbortSignal.timeout(timeoutMs), timeoutMs };
}

/**
 * Runs a plugin once and returns what it printed, or undefined where that is no JSON object. Throws PluginRefusal when it
 * reports an error, deadline-exceeded or cancelled when it was killed for it.
 */
export async function runPlugin(call: PluginCall, limits: Limits): Promise<JsonObject | undefined> {
  const { subject, path, env, config } = call;
  limits.signal.throwIfAborted();
  const input = { path, env: { ...env, CNI_COMMAND: subject.verb }, stdin: JSON.stringify(config) };
  const end = await runProcess(input, AbortSignal.any([limits.signal, limits.deadline])).catch((error: unknown) => {
    throw new EngineError('unavailable', `${describe(subject)}: ${path} cannot be run: ${messageOf(error)}`, {
      cause: error,
    });
  });
  if (end.killed === 'output') {
    throw new EngineError('internal', `${describe(subject)} printed more than a result can be, and was killed`);
  }
  if (end.killed === 'aborted') throw cutOff(subject, limits);
  if (end.code !== 0) {
    const error = pluginError(subject, end);
    throw new PluginRefusal(error.kind, error.message);
  }
  return parse(end.stdout);
}

/** Path of the plugin's binary. Throws failed-precondition naming the folders when it is in none of them. */
export async function findPlugin(type: string, binDirs: readonly string[], network: string): Promise<string> {
  for (const dir of binDirs) {
    const path = join(dir, type);
    if (await isExecutable(path)) return path;
  }
  throw new EngineError(
    'failed-precondition',
    `CNI plugin "${type}" of network "${network}" is not in ${binDirs.join(', ')}: install it there, or add its folder to cni_bin_dir`,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false; // whatever is wrong with it, it cannot be run
  }
}

function cutOff(subject: PluginSubject, { signal, timeoutMs }: Limits): EngineError {
  if (signal.aborted) {
    const kind = kindOf(signal.reason) === 'deadline-exceeded' ? 'deadline-exceeded' : 'cancelled';
    return new EngineError(kind, `${describe(subject)} was killed: ${messageOf(signal.reason)}`, {
      cause: signal.reason,
    });
  }
  return new EngineError(
    'deadline-exceeded',
    `${describe(subject)} was killed: the operation did not end within ${timeoutMs / 1000} s (network.cni_timeout)`,
  );
}

function parse(stdout: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(stdout);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // only ADD must print something, and its caller asks for it
  }
}
