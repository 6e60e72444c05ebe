import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configReference } from './reference.ts';
import { usage } from './usage.ts';

describe('configReference()', () => {
  it('is what docs/configuration.md holds: `npm run generate:docs` writes it', () => {
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    expect(page).toBe(configReference());
  });
});

describe('usage()', () => {
  it('shows each key at top level as a flag, and none of the tables', () => {
    const flags = [...usage().matchAll(/^ {2}(--[a-z-]+)/gm)].map((match) => match[1]);
    expect(flags).toEqual(
      expect.arrayContaining(['--config', '--listen', '--log-level', '--builtin-network', '--help']),
    );
    expect(usage()).not.toContain('cni-timeout');
  });

  it('fits a terminal', () => {
    expect(
      usage()
        .split('\n')
        .filter((line) => line.length > 110),
    ).toEqual([]);
  });
});
