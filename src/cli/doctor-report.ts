import { checkConfig, defaultConfig, diskFiles, formatProblem } from '../config/index.ts';
import { examine, namedFileChecks } from '../doctor/index.ts';
import type { Finding, Host, Level } from '../doctor/index.ts';
import { printJson, type Call } from './command.ts';
import { Ended } from './errors.ts';
import { printable } from './table.ts';

const HEADS: Readonly<Record<Level, string>> = { error: 'ERROR', warning: 'WARNING', note: 'note', ok: 'ok' };
const LEVELS: readonly Level[] = ['error', 'warning', 'note', 'ok'];
/** The exit code when something must be mended. */
const UNSOUND = 1;
/** Wide enough for the longest level and the longest name of a check. */
const LEVEL_WIDTH = 9;
const CHECK_WIDTH = 14;

/** Prints what is found; throws Ended when there is an error among it. */
export async function reportOn(host: Host, call: Pick<Call, 'socket' | 'stdout' | 'options' | 'json'>): Promise<void> {
  const file = call.options.text('config');
  const { config, problems } = checkConfig(file === undefined ? [] : ['--config', file], diskFiles(namedFileChecks));
  const used = config ?? defaultConfig();
  const findings = [
    ...problems.map((problem) => misconfigured(formatProblem(problem))),
    ...ofAnother(call.socket, used.listen),
    ...(await examine(host, used)),
  ];
  const counts = countLevels(findings);
  if (call.json) printJson(call, { checks: findings, counts });
  else call.stdout.write(render(findings, counts, call.options.flag('all')));
  if (counts.error > 0) throw new Ended(UNSOUND);
}

function misconfigured(found: string): Finding {
  return {
    check: 'configuration',
    level: 'error',
    found,
    why: 'davitd does not start with it; the rest was looked at with the defaults.',
    fix: 'correct it: davitd config check, davitd config default',
  };
}

function pathOf(address: string): string {
  return address.replace(/^unix:\/\//, '');
}

/** The socket that was asked for is not that of the davitd whose configuration was read. */
function ofAnother(socket: string, listen: string): readonly Finding[] {
  if (pathOf(socket) === pathOf(listen)) return [];
  return [
    {
      check: 'configuration',
      level: 'note',
      found: `this is about the davitd of ${pathOf(listen)}, not of ${pathOf(socket)}`,
      why: 'which folders, handlers and networks to look at stands in the configuration, not in --socket or CONTAINER_RUNTIME_ENDPOINT.',
      fix: 'davit doctor --config FILE, with the file of the other one',
    },
  ];
}

function countLevels(findings: readonly Finding[]): Readonly<Record<Level, number>> {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  return { error: count('error'), warning: count('warning'), note: count('note'), ok: count('ok') };
}

/** The worst first. */
function render(findings: readonly Finding[], counts: Readonly<Record<Level, number>>, all: boolean): string {
  const shown = LEVELS.filter((level) => all || level !== 'ok').flatMap((level) =>
    findings.filter((finding) => finding.level === level),
  );
  const sum = `${plural(counts.error, 'error')}, ${plural(counts.warning, 'warning')}, ${plural(counts.note, 'note')}`;
  const fine = `${plural(counts.ok, 'thing')} fine${all || counts.ok === 0 ? '' : ' (--all shows them)'}`;
  return `${shown.map(renderOne).join('')}${sum}; ${fine}\n`;
}

function renderOne({ level, check, found, why, fix }: Finding): string {
  const indent = ' '.repeat(LEVEL_WIDTH + CHECK_WIDTH);
  const lines = [
    `${HEADS[level].padEnd(LEVEL_WIDTH)}${check.padEnd(CHECK_WIDTH)}${printable(found)}`,
    ...(why === undefined ? [] : [`${indent}why: ${printable(why)}`]),
    ...(fix === undefined ? [] : [`${indent}fix: ${printable(fix)}`]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
