import { EngineError } from '../errors.ts';
import { parseReference } from './reference.ts';

/** Says whether an image with these names is pinned: never removed by the kubelet's garbage collection. */
export type IsPinned = (names: readonly string[]) => boolean;

/**
 * Patterns are names as people write them, where `*` stands for anything, slashes too. A pattern without `*` is
 * completed as a name is: `busybox` is `docker.io/library/busybox:latest`.
 */
export function pinnedBy(patterns: readonly string[]): IsPinned {
  const tests = patterns.map(compile);
  return (names) => names.some((name) => tests.some((test) => test.test(name)));
}

function compile(pattern: string): RegExp {
  const text = pattern.includes('*') ? pattern : canonical(pattern);
  return new RegExp(`^${text.split('*').map(escape).join('.*')}$`);
}

function canonical(pattern: string): string {
  try {
    return parseReference(pattern).canonical;
  } catch (error) {
    throw new EngineError('invalid-argument', `images.pinned: ${JSON.stringify(pattern)} is no image`, {
      cause: error,
    });
  }
}

function escape(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\/-]/g, '\\$&');
}
