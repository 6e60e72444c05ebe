import { describe, expect, it } from 'vitest';
import { toLogDirectory, toLogPath } from './log-path.ts';

describe('toLogPath()', () => {
  it.each(['0.log', 'web/0.log', '..log', 'a/..b.log'])('takes %s', (path) => expect(toLogPath('p', path)).toBe(path));

  it('takes an empty path for none', () => expect(toLogPath('p', '')).toBeUndefined());

  it.each([
    ['/etc/passwd', 'p: must be relative to the log directory'],
    ['../x.log', 'p: must stay in the log directory'],
    ['a/../../x.log', 'p: must stay in the log directory'],
    ['..', 'p: must stay in the log directory'],
    ['a/', 'p: must name a file'],
    ['a/.', 'p: must name a file'],
    ['a\0b', 'p: has a NUL'],
  ])('refuses %j', (path, problem) => expect(() => toLogPath('p', path)).toThrow(problem));
});

describe('toLogDirectory()', () => {
  it('takes an absolute path or none', () => {
    expect(toLogDirectory('d', '/var/log/pods/x')).toBe('/var/log/pods/x');
    expect(toLogDirectory('d', '')).toBeUndefined();
  });

  it.each([
    ['var/log', 'd: must be an absolute path'],
    ['/var/log/../x', 'd: must not have .. in it'],
  ])('refuses %j', (path, problem) => expect(() => toLogDirectory('d', path)).toThrow(problem));
});
