/** One offer of a WWW-Authenticate header. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Keys in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Longer headers are cut: no registry needs more, and the header is hostile input. */
const MAX_HEADER_LENGTH = 8192;

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/;
const SEPARATOR = /[\s,]*/;

/** Parses the header (RFC 9110, 11.6.1); several offers may follow each other. What cannot be read ends the list. */
export function parseChallenges(header: string): readonly Challenge[] {
  const text = header.slice(0, MAX_HEADER_LENGTH);
  const challenges: Challenge[] = [];
  let at = skip(SEPARATOR, text, 0);
  while (at < text.length) {
    const scheme = matchAt(TOKEN, text, at);
    if (scheme === undefined) break;
    const parameters = new Map<string, string>();
    at = readParameters(text, at + scheme[0].length, parameters);
    challenges.push({ scheme: scheme[0].toLowerCase(), parameters: Object.fromEntries(parameters) });
  }
  return challenges;
}

/** Reads `key=value` pairs until something else begins: the next offer's scheme, or the end. */
function readParameters(text: string, start: number, parameters: Map<string, string>): number {
  let at = skip(SEPARATOR, text, start);
  for (;;) {
    const pair = matchAt(PARAMETER, text, at);
    if (pair === undefined) return at;
    const [whole, key = '', quoted, plain = ''] = pair;
    parameters.set(key.toLowerCase(), quoted === undefined ? plain : quoted.replaceAll(/\\(.)/g, '$1'));
    at = skip(SEPARATOR, text, at + whole.length);
  }
}

function skip(pattern: RegExp, text: string, at: number): number {
  return at + (matchAt(pattern, text, at)?.[0].length ?? 0);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  const here = new RegExp(pattern, 'y');
  here.lastIndex = at;
  return here.exec(text) ?? undefined;
}
