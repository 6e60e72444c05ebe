import { constants } from 'node:os';
import { EngineError } from '../errors.ts';

export const SIGKILL = constants.signals.SIGKILL;
export const DEFAULT_STOP_SIGNAL = 'SIGTERM';

/** glibc keeps 32 and 33 for itself, so a program's SIGRTMIN is 34. */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

const BY_NAME = new Map<string, number>(Object.entries(constants.signals));

/** "term", "SIGTERM", "15" or "SIGRTMIN+3" as `SIGTERM`, `SIGRTMIN+3` …; throws invalid-argument on anything else. */
export function signalName(text: string): string {
  const number = /^\d+$/.test(text) ? Number(text) : signalNumber(text);
  for (const [name, value] of BY_NAME) if (value === number) return name;
  if (number >= SIGRTMIN && number <= SIGRTMAX) return `SIGRTMIN+${number - SIGRTMIN}`;
  throw new EngineError('invalid-argument', `${JSON.stringify(text)} is not a signal`);
}

/** The number of a signal's name, with or without "SIG". */
export function signalNumber(text: string): number {
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const number = BY_NAME.get(name) ?? realtime(name);
  if (number === undefined) throw new EngineError('invalid-argument', `${JSON.stringify(text)} is not a signal`);
  return number;
}

function realtime(name: string): number | undefined {
  const match = /^SIGRT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (match === null) return undefined;
  const base = match[1] === 'MIN' ? SIGRTMIN : SIGRTMAX;
  const offset = Number(match[3] ?? 0) * (match[2] === '-' ? -1 : 1);
  const number = base + offset;
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
}
