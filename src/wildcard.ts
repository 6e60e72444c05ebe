/**
 * Shell-style patterns over names with slashes, as runtimes take them in their lists of annotations: `*` is any run of
 * characters and `?` any one, neither of them a slash; `[a-z]` one of a set, `[^a-z]` one that is not in it; a backslash
 * takes the meaning from what follows.
 */
export interface Wildcard {
  matches(name: string): boolean;
}

/** One place of a pattern: any run, or one character that `takes` says yes to. */
type Part = 'run' | { readonly takes: (char: string) => boolean };

const SLASH = '/';

/** Undefined for what is no pattern: a set that is empty or never closed, a backslash before nothing. */
export function parseWildcard(pattern: string): Wildcard | undefined {
  const parts = parse(Array.from(pattern));
  return parts === undefined ? undefined : { matches: (name) => matchAll(parts, Array.from(name)) };
}

function parse(chars: readonly string[]): readonly Part[] | undefined {
  const parts: Part[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? '';
    if (char === '*') {
      parts.push('run');
    } else if (char === '?') {
      parts.push({ takes: (other) => other !== SLASH });
    } else if (char === '[') {
      const set = parseSet(chars, at + 1);
      if (set === undefined) return undefined;
      parts.push(set.part);
      at = set.end;
    } else {
      if (char === '\\') at++;
      const literal = chars[at];
      if (literal === undefined) return undefined;
      parts.push({ takes: (other) => other === literal });
    }
  }
  return parts;
}

/** `from` is behind the opening bracket; `end` is the closing one. */
function parseSet(chars: readonly string[], from: number): { part: Part; end: number } | undefined {
  const negated = chars[from] === '^';
  const ranges: (readonly [low: string, high: string])[] = [];
  let at = negated ? from + 1 : from;
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = setChar(chars, at);
    if (low === undefined) return undefined;
    const high = chars[low.next] === '-' ? setChar(chars, low.next + 1) : low;
    if (high === undefined) return undefined;
    ranges.push([low.char, high.char]);
    at = high.next;
  }
  const takes = (char: string): boolean =>
    char !== SLASH && ranges.some(([low, high]) => low <= char && char <= high) !== negated;
  return { part: { takes }, end: at };
}

function setChar(chars: readonly string[], at: number): { readonly char: string; readonly next: number } | undefined {
  const first = chars[at];
  if (first === undefined || first === '-' || first === ']') return undefined;
  if (first !== '\\') return { char: first, next: at + 1 };
  const escaped = chars[at + 1];
  return escaped === undefined ? undefined : { char: escaped, next: at + 2 };
}

/** Goes back to the last run alone, which is enough: where that one cannot help, no earlier one can. */
function matchAll(parts: readonly Part[], name: readonly string[]): boolean {
  let part = 0;
  let char = 0;
  let run: { readonly part: number; end: number } | undefined;
  while (char < name.length) {
    const here = parts[part];
    if (here === 'run') {
      run = { part, end: char };
      part++;
    } else if (here?.takes(name[char] ?? '') === true) {
      part++;
      char++;
    } else {
      if (run === undefined || name[run.end] === SLASH) return false;
      run.end++;
      part = run.part + 1;
      char = run.end;
    }
  }
  return parts.slice(part).every((rest) => rest === 'run');
}
