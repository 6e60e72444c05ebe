import { readFile } from 'node:fs/promises';
import { writeDurable } from '../../sys/durable-file.ts';
import { EngineError, messageOf } from '../errors.ts';
import type { Choice, ChoiceKind } from './choice.ts';

/** Only root may read what is below the root directory. */
const FILE_MODE = 0o600;
const VERSION = 1;

/** The recorded choice; undefined when nothing is recorded yet. Throws on a file that cannot be understood. */
export async function readChoice(path: string): Promise<Choice | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new EngineError('internal', `reading ${path}: ${messageOf(error)}`, { cause: error });
  }
  const choice = parseChoice(text);
  if (choice === undefined) {
    const remedy = 'restore it, or name the containerd that holds the pods by --containerd-address';
    throw new EngineError('data-loss', `${path} does not say which containerd to use: ${remedy}`);
  }
  return choice;
}

/** Durable before it resolves. */
export async function writeChoice(path: string, choice: Choice): Promise<void> {
  await writeDurable(path, `${JSON.stringify({ version: VERSION, ...choice }, undefined, 2)}\n`, FILE_MODE);
}

function parseChoice(text: string): Choice | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, kind, address, uuid }: Partial<Record<string, unknown>> = { ...value };
  if (version !== VERSION || !isKind(kind) || typeof address !== 'string') return undefined;
  return { kind, address, uuid: typeof uuid === 'string' ? uuid : undefined };
}

function isKind(value: unknown): value is ChoiceKind {
  return value === 'given' || value === 'system' || value === 'supervised';
}
