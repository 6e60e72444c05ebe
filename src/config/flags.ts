import type { ConfigProblem } from './config-error.ts';
import { closest } from './closest.ts';
import type { Layer } from './layer.ts';
import type { AnyKey, Rows } from './node.ts';

const SOURCE = 'command line';

export interface Flags {
  readonly layer: Layer;
  /** `--config`; absent: the default file. */
  readonly file?: string;
  readonly help: boolean;
  readonly version: boolean;
  readonly problems: readonly ConfigProblem[];
}

interface Found {
  readonly tree: Record<string, unknown>;
  readonly problems: ConfigProblem[];
  file?: string;
  help: boolean;
  version: boolean;
}

/** Reads `--flag value`, `--flag=value` and, for booleans, `--flag` alone. The last of a repeated flag wins. */
export function readFlags(rows: Rows, argv: readonly string[]): Flags {
  const found: Found = { tree: {}, problems: [], help: false, version: false };
  const rest = argv.values();
  for (const word of rest) readWord(flagsOf(rows), word, () => rest.next().value, found);
  return {
    layer: { source: SOURCE, tree: found.tree, nameOf: (path) => flagName(path.join('.')), lineOf: () => undefined },
    ...(found.file === undefined ? {} : { file: found.file }),
    help: found.help,
    version: found.version,
    problems: found.problems,
  };
}

/** The keys that are flags: those at top level. */
export function flagsOf(rows: Rows): ReadonlyMap<string, { readonly name: string; readonly key: AnyKey }> {
  const flags = new Map<string, { readonly name: string; readonly key: AnyKey }>();
  for (const [name, row] of Object.entries(rows)) if (row.node === 'key') flags.set(flagName(name), { name, key: row });
  return flags;
}

/** The flag of a key at top level. */
export function flagName(key: string): string {
  return `--${key.replaceAll('_', '-')}`;
}

function readWord(flags: ReturnType<typeof flagsOf>, word: string, next: () => string | undefined, found: Found): void {
  const equals = word.indexOf('=');
  const flag = equals < 0 ? word : word.slice(0, equals);
  const attached = equals < 0 ? undefined : word.slice(equals + 1);
  if (attached === undefined && (word === '--help' || word === '-h')) found.help = true;
  else if (attached === undefined && word === '--version') found.version = true;
  else if (flag === '--config') readFile(attached ?? next(), found);
  else readKey(flags, flag, attached, next, found);
}

function readKey(
  flags: ReturnType<typeof flagsOf>,
  flag: string,
  attached: string | undefined,
  next: () => string | undefined,
  found: Found,
): void {
  const known = flags.get(flag);
  if (known === undefined) {
    const guess = closest(
      flag.slice(2),
      [...flags.values()].map((each) => each.name),
    );
    const hint = guess === undefined ? 'see --help' : `is ${flagName(guess)} meant?`;
    const what = flag.startsWith('-') ? 'unknown flag' : 'unexpected argument';
    found.problems.push({ file: SOURCE, key: flag, message: `${what}; ${hint}` });
    return;
  }
  const text = attached ?? (known.key.kind.name === 'boolean' ? 'true' : next());
  if (text === undefined) found.problems.push({ file: SOURCE, key: flag, message: 'needs a value' });
  else found.tree[known.name] = known.key.kind.fromFlag(text);
}

function readFile(file: string | undefined, found: Found): void {
  if (file === undefined || file === '')
    found.problems.push({ file: SOURCE, key: '--config', message: 'needs a file' });
  else found.file = file;
}
