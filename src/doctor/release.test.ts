import { describe, expect, it } from 'vitest';
import { CONTAINERD_HOLES, holesOf, RUNC_HOLES } from './known-holes.ts';
import { hasFix, isAtLeast, parseRelease } from './release.ts';
import type { Hole } from './known-holes.ts';

describe('parseRelease()', () => {
  it.each([
    ['1.1.5+ds1', [1, 1, 5]],
    ['v2.4.2', [2, 4, 2]],
    ['6.18.44-fc-v445', [6, 18, 44]],
    ['6.1', [6, 1, 0]],
    ['1.4.0-rc.2', [1, 4, -1]],
    ['unknown', undefined],
  ])('reads %s', (text, release) => {
    expect(parseRelease(text)).toEqual(release);
  });
});

describe('isAtLeast()', () => {
  it('compares number by number', () => {
    expect(isAtLeast([1, 10, 0], [1, 9, 9])).toBe(true);
    expect(isAtLeast([2, 0, 0], [1, 9, 9])).toBe(true);
    expect(isAtLeast([1, 9, 8], [1, 9, 9])).toBe(false);
    expect(isAtLeast([1, 9, 9], [1, 9, 9])).toBe(true);
  });
});

describe('hasFix()', () => {
  const fixes = [
    [1, 2, 8],
    [1, 3, 3],
  ] as const;

  it.each([
    [[1, 2, 7], false],
    [[1, 2, 8], true],
    [[1, 3, 2], false],
    [[1, 4, 0], true],
    [[2, 0, 0], true],
    [[1, 1, 99], false],
  ] as const)('says of %j: %s', (release, expected) => {
    expect(hasFix(release, fixes)).toBe(expected);
  });
});

const names = (version: string, holes: readonly Hole[]) =>
  holesOf(parseRelease(version) ?? [0, 0, 0], holes).map(({ cve }) => cve);

describe('holesOf()', () => {
  it('knows runc by its number', () => {
    expect(names('1.1.5+ds1', RUNC_HOLES)).toContain('CVE-2024-21626');
    expect(names('1.1.5+ds1', RUNC_HOLES)).not.toContain('CVE-2023-28642');
    expect(names('1.3.3', RUNC_HOLES)).toEqual(['CVE-2026-41579']);
    expect(names('1.4.0-rc.2', RUNC_HOLES)).toContain('CVE-2025-52881');
    for (const safe of ['1.3.6', '1.4.3', '1.5.0', '1.5.2', '2.0.0']) expect(names(safe, RUNC_HOLES)).toEqual([]);
  });

  it('knows containerd by its number', () => {
    expect(names('1.6.20', CONTAINERD_HOLES)).toEqual(['CVE-2024-25621']);
    expect(names('2.1.4', CONTAINERD_HOLES)).toEqual(['CVE-2024-25621']);
    expect(names('1.7.30', CONTAINERD_HOLES)).toEqual([]);
    expect(names('2.4.2', CONTAINERD_HOLES)).toEqual([]);
  });
});
