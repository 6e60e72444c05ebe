import { describe, expect, it } from 'vitest';
import { parseWildcard } from './wildcard.ts';

describe('parseWildcard()', () => {
  it.each([
    ['io.example/a', 'io.example/a', true],
    ['io.example/a', 'io.example/ab', false],
    ['io.example/*', 'io.example/', true],
    ['io.example/*', 'io.example/any.thing', true],
    ['io.example/*', 'io.example/a/b', false],
    ['*', 'plain', true],
    ['*', 'io.example/a', false],
    ['*/*', 'io.example/a', true],
    ['io.*/a', 'io.x/y/a', false],
    ['*.example/*-x', 'io.example/a-x-x', true],
    ['*a*b*c', 'xaxbxbxc', true],
    ['*a*b*c', 'xaxbxbx', false],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['a?c', 'ac', false],
    ['a[b-d]e', 'ace', true],
    ['a[b-d]e', 'aee', false],
    ['a[^b-d]e', 'axe', true],
    ['a[^b-d]e', 'ace', false],
    ['a[^b]e', 'a/e', false],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['[\\]]', ']', true],
    ['', '', true],
    ['', 'a', false],
    ['a.c', 'abc', false],
  ])('%j and %j: %s', (pattern, name, expected) => {
    expect(parseWildcard(pattern)?.matches(name)).toBe(expected);
  });

  it.each(['[', '[a', '[]', '[^]', '[a-]', '[-a]', 'a\\', '[\\'])('refuses %j', (pattern) => {
    expect(parseWildcard(pattern)).toBeUndefined();
  });

  it('is done soon with a pattern of many runs', () => {
    expect(parseWildcard(`${'*a'.repeat(200)}b`)?.matches('a'.repeat(5_000))).toBe(false);
  });
});
