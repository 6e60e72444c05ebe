import type { ErrorKind } from '../errors.ts';
import { EngineError } from '../errors.ts';
import { isObject, textOf } from './json.ts';
import type { ProcessEnd } from './plugin-process.ts';

export type CniVerb = 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC';

/** What was run, for messages. */
export interface PluginSubject {
  readonly verb: CniVerb;
  readonly type: string;
  readonly network: string;
}

/** Error codes of the CNI specification that say who can do something about it. */
const KINDS: ReadonlyMap<number, ErrorKind> = new Map([
  [1, 'failed-precondition'], // incompatible version
  [2, 'failed-precondition'], // unsupported field
  [6, 'failed-precondition'], // configuration cannot be decoded
  [7, 'failed-precondition'], // configuration invalid
  [11, 'unavailable'], // try again later
  [50, 'unavailable'], // STATUS: not available
  [51, 'unavailable'], // STATUS: not available, and what runs has limited connectivity
]);
const STDERR_SHOWN = 500;

/** The error of a plugin that ended with another code than 0. */
export function pluginError(subject: PluginSubject, end: ProcessEnd): EngineError {
  const { code, msg, details } = reportIn(end.stdout);
  const said = [msg, details].filter((part) => part !== undefined).join(': ');
  const how = end.code === null ? `was killed by ${end.signal ?? 'a signal'}` : `exited with ${end.code}`;
  const stderr = end.stderr.trim().slice(-STDERR_SHOWN);
  const why = said === '' ? `${how}${stderr === '' ? ' and said nothing' : `: ${stderr}`}` : said;
  const number = code === undefined ? '' : ` (CNI error ${code})`;
  return new EngineError(KINDS.get(code ?? 0) ?? 'internal', `${describe(subject)} failed: ${why}${number}`);
}

/** `CNI plugin "bridge" (ADD, network "davit")`. */
export function describe({ verb, type, network }: PluginSubject): string {
  return `CNI plugin "${type}" (${verb}, network "${network}")`;
}

function reportIn(stdout: string): { code?: number; msg?: string; details?: string } {
  let report: unknown;
  try {
    report = JSON.parse(stdout);
  } catch {
    return {}; // not every plugin reports as it should: the exit code and stderr are left
  }
  if (!isObject(report)) return {};
  const msg = textOf(report['msg']);
  const details = textOf(report['details']);
  return {
    ...(typeof report['code'] === 'number' ? { code: report['code'] } : {}),
    ...(msg === undefined ? {} : { msg }),
    ...(details === undefined ? {} : { details }),
  };
}
