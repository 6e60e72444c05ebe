import { describe, expect, it } from 'vitest';
import { checkAbsolutePath, checkId, checkName, checkNoNul, climbs, quote, required } from './checks.ts';

describe('checkName()', () => {
  it('gives good names back', () => expect(checkName('f', 'web-0')).toBe('web-0'));

  it.each([
    ['', 'f: is required'],
    ['x'.repeat(254), 'f: is longer than 253 bytes'],
    ['ü'.repeat(127), 'f: is longer than 253 bytes'],
    ['a\nb', 'f: has a control character'],
    ['a\u007f', 'f: has a control character'],
  ])('refuses %j', (name, message) => expect(() => checkName('f', name)).toThrow(message));
});

describe('checkAbsolutePath()', () => {
  it.each(['', 'a', './a'])('refuses %j', (path) => {
    expect(() => checkAbsolutePath('f', path)).toThrow('f: must be an absolute path');
  });

  it('refuses what the kernel would cut', () => {
    expect(() => checkAbsolutePath('f', '/a\0b')).toThrow('f: has a NUL');
    expect(() => checkAbsolutePath('f', `/${'a'.repeat(4095)}`)).toThrow('f: is longer than 4095 bytes');
  });
});

describe('climbs()', () => {
  it.each([
    ['a/../b', true],
    ['..', true],
    ['a/..b', false],
    ['a...b', false],
  ])('of %j is %j', (path, expected) => expect(climbs(path)).toBe(expected));
});

describe('the small checks', () => {
  it('name the field', () => {
    expect(() => required('config', null)).toThrow('config: is required');
    expect(() => checkId('container_id', '')).toThrow('container_id: is required');
    expect(() => checkNoNul('args[0]', 'a\0')).toThrow('args[0]: has a NUL');
  });

  it('cut long values', () => expect(quote('x'.repeat(200))).toHaveLength(83));
});
