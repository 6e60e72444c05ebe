import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OPERATIONS } from './definitions.ts';

const ENGINE = resolve(import.meta.dirname, '..');

describe('OPERATIONS', () => {
  it('has every operation that is defined', () => {
    const sources = globSync('**/*.ts', { cwd: ENGINE }).filter((path) => !path.endsWith('.test.ts'));
    const defined = sources.flatMap((path) =>
      [...readFileSync(join(ENGINE, path), 'utf8').matchAll(/= defineOp\(\s*'([^']+)'/g)].map(([, name = '']) => name),
    );
    expect(new Set(OPERATIONS.map(({ op }) => op))).toEqual(new Set(defined));
    expect(OPERATIONS).toHaveLength(defined.length);
  });
});
