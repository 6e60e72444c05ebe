import { parse, TomlError } from 'smol-toml';
import type { ConfigProblem } from './config-error.ts';
import { KeyLines } from './key-lines.ts';

/** One source of raw values: a file or the command line. Later layers win. */
export interface Layer {
  /** A file's path, or `command line`. */
  readonly source: string;
  readonly tree: Readonly<Record<string, unknown>>;
  /** How a problem names the key at `path`. */
  readonly nameOf: (path: readonly string[]) => string;
  readonly lineOf: (path: readonly string[]) => number | undefined;
}

export type LayerOrProblem = { readonly layer: Layer } | { readonly problem: ConfigProblem };

/** Reads one document. A syntax error makes the whole document unreadable: one problem, with its line. */
export function parseLayer(source: string, text: string): LayerOrProblem {
  try {
    const tree = parse(text);
    const lines = new KeyLines(text);
    return { layer: { source, tree, nameOf: (path) => path.join('.'), lineOf: (path) => lines.find(path) } };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The message's further lines show the place, which the line number says.
    const [first = ''] = error.message.split('\n');
    const message = first.replace(/^Invalid TOML document: /, '');
    return { problem: { file: source, line: error.line, key: '', message: `column ${error.column}: ${message}` } };
  }
}
