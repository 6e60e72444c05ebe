import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { EngineError, messageOf } from '../../errors.ts';
import type { AppArmorNode } from './profiles.ts';

const LIST = '/sys/kernel/security/apparmor/profiles';
const LOAD_DEADLINE_MS = 20_000;
const MAX_OUTPUT_LENGTH = 2000;

/** The kernel, through securityfs and apparmor_parser. */
export function createAppArmorNode(parser: string): AppArmorNode {
  return {
    loaded: () => readFile(LIST, 'utf8').catch(() => undefined),
    load: (profile) => load(parser, profile),
  };
}

/** Replaces, and without the parser's cache, which knows profiles by files. */
async function load(parser: string, profile: string): Promise<void> {
  const deadline = AbortSignal.timeout(LOAD_DEADLINE_MS);
  const child = spawn(parser, ['--replace', '--skip-cache'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    signal: deadline,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-MAX_OUTPUT_LENGTH)));
  child.stdin.on('error', () => undefined); // it ended before it had read all: its exit code tells
  child.stdin.end(profile);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new EngineError('failed-precondition', `exit code ${code}: ${output.trim()}`);
  } catch (error) {
    if (deadline.aborted) {
      throw new EngineError('deadline-exceeded', `${parser}: not done within ${LOAD_DEADLINE_MS / 1000} s`);
    }
    const hint = error instanceof EngineError ? '' : '; is it installed and in PATH?';
    throw new EngineError('failed-precondition', `${parser}: ${messageOf(error)}${hint}`, { cause: error });
  }
}
