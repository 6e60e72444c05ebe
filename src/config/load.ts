import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { assemble, problemAt, type Assembled } from './assemble.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { readFlags } from './flags.ts';
import { parseLayer, type Layer } from './layer.ts';
import { checkNamedFiles, type NamedFileChecks } from './named-files.ts';
import { checkWhole, SCHEMA, type Config } from './schema.ts';

/** Read when no --config is given; it may be missing, a file that is asked for may not. */
export const DEFAULT_CONFIG_FILE = '/etc/davit/config.toml';

/** The files as they are seen from here; tests and reload bring their own. */
export interface ConfigFiles {
  /** Throws an error with `code` ENOENT for what is not there. */
  readonly readFile: (path: string) => Uint8Array;
  /** The names in a folder; throws like readFile. */
  readonly listDir: (path: string) => readonly string[];
  /** Absent: files that keys name are not looked at. */
  readonly checks?: NamedFileChecks;
}

export interface CheckedConfig {
  /** Absent where there are problems. */
  readonly config?: Config;
  readonly problems: readonly ConfigProblem[];
  /** The files that were read, in the order in which they apply. */
  readonly files: readonly string[];
}

/**
 * Defaults, then the file, then `conf.d/*.toml` beside it by name, then flags, as one deep-frozen value. `argv` holds
 * the flags alone. Throws ConfigError with every problem that there is.
 */
export function loadConfig(argv: readonly string[], files: ConfigFiles = diskFiles()): Config {
  const { config, problems } = checkConfig(argv, files);
  if (config === undefined) throw new ConfigError(problems);
  return config;
}

/** As loadConfig(), but gives the problems back. */
export function checkConfig(argv: readonly string[], files: ConfigFiles = diskFiles()): CheckedConfig {
  const flags = readFlags(SCHEMA, argv);
  const problems: ConfigProblem[] = [...flags.problems];
  const layers: Layer[] = [];
  const main = resolve(flags.file ?? DEFAULT_CONFIG_FILE);
  addFile(files, main, flags.file === undefined, layers, problems);
  for (const dropIn of dropIns(files, join(dirname(main), 'conf.d'), problems)) {
    addFile(files, dropIn, false, layers, problems);
  }
  const read = layers.map((layer) => layer.source);
  const assembled = assemble(SCHEMA, [...layers, flags.layer]);
  problems.push(...assembled.problems);
  const config = assembled.value as Config;
  // Meaningless while single values are bad: a default stands in the place of each.
  if (problems.length === 0) problems.push(...wholeProblems(config, assembled, main, files));
  return problems.length === 0 ? { config, problems, files: read } : { problems, files: read };
}

/** The node's own. */
export function diskFiles(checks?: NamedFileChecks): ConfigFiles {
  return {
    readFile: (path) => readFileSync(path),
    listDir: (path) => readdirSync(path),
    ...(checks === undefined ? {} : { checks }),
  };
}

function addFile(
  files: ConfigFiles,
  path: string,
  mayBeMissing: boolean,
  layers: Layer[],
  problems: ConfigProblem[],
): void {
  let bytes: Uint8Array;
  try {
    bytes = files.readFile(path);
  } catch (error) {
    if (mayBeMissing && codeOf(error) === 'ENOENT') return;
    problems.push({ file: path, key: '', message: `cannot be read: ${codeOf(error)}` });
    return;
  }
  const text = decode(bytes);
  if (text === undefined) {
    problems.push({ file: path, key: '', message: 'is not UTF-8' });
    return;
  }
  const parsed = parseLayer(path, text);
  if ('layer' in parsed) layers.push(parsed.layer);
  else problems.push(parsed.problem);
}

function dropIns(files: ConfigFiles, folder: string, problems: ConfigProblem[]): readonly string[] {
  try {
    // By code unit, not by locale: the order must be the same on every machine. Hidden files are editors' leftovers.
    const names = files.listDir(folder).filter((name) => name.endsWith('.toml') && !name.startsWith('.'));
    return names.toSorted((a, b) => (a < b ? -1 : 1)).map((name) => join(folder, name));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      problems.push({ file: folder, key: '', message: `cannot be read: ${codeOf(error)}` });
    }
    return [];
  }
}

/** A default that does not fit is reported at the main file, where the fitting value belongs. */
function wholeProblems(
  config: Config,
  assembled: Assembled,
  main: string,
  files: ConfigFiles,
): readonly ConfigProblem[] {
  const { checks } = files;
  const problems = [...checkWhole(config), ...(checks === undefined ? [] : checkNamedFiles(config, checks))];
  return problems.map(({ key, message }) => {
    const layer = assembled.origin(key);
    return layer === undefined ? { file: main, key: key.join('.'), message } : problemAt(layer, key, message);
  });
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return String(error);
}
