import { describe, expect, it } from 'vitest';
import { isOutdated } from './pump-age.ts';

const OWN = { version: '1.2.3', build: 'own' };

describe('isOutdated()', () => {
  it.each([
    ['a former version', { version: '1.2.2', build: 'x' }, true],
    ['one of long ago', { version: '0.10.11', build: 'x' }, true],
    ['another build of this version', { version: '1.2.3', build: 'x' }, true],
    ['one that does not tell its build', { version: '1.2.3' }, true],
    ['one that does not tell what it is', { version: 'unknown' }, true],
    ['this very program', { version: '1.2.3', build: 'own' }, false],
    ['this program, started by another version', { version: '1.2.2', build: 'own' }, false],
    ['a later version', { version: '1.10.0', build: 'x' }, false],
  ])('says of %s: %o %s', (_what, running, expected) => {
    expect(isOutdated(running, OWN)).toBe(expected);
  });
});
