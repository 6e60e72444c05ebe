import { describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import { parseReference, parseSelector } from './reference.ts';

const HEX = 'a'.repeat(64);
const DIGEST = `sha256:${HEX}`;

function refusal(text: string): string {
  try {
    parseReference(text);
  } catch (error) {
    if (error instanceof EngineError && error.kind === 'invalid-argument') return error.message;
    throw error;
  }
  return '';
}

describe('parseReference()', () => {
  const canonical: readonly (readonly [string, string])[] = [
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['library/busybox', 'docker.io/library/busybox:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/library/busybox:1', 'docker.io/library/busybox:1'],
    ['user/app', 'docker.io/user/app:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c:latest'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    ['registry.k8s.io/pause:3.10', 'registry.k8s.io/pause:3.10'],
    ['Registry/app', 'Registry/app:latest'],
    ['gcr.io/a__b/c-d--e/f.g_h:T-1._', 'gcr.io/a__b/c-d--e/f.g_h:T-1._'],
    [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`],
    [`busybox:1.36@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`],
    [`localhost:5000/app@${DIGEST}`, `localhost:5000/app@${DIGEST}`],
    ['deadbeef', 'docker.io/library/deadbeef:latest'],
  ];
  it.each(canonical)('normalises %s to %s', (text, expected) => {
    expect(parseReference(text).canonical).toBe(expected);
  });

  it('is stable: parsing what it returns returns the same', () => {
    for (const [text] of canonical) {
      const once = parseReference(text);
      expect(parseReference(once.canonical)).toEqual(once);
    }
  });

  const refused: readonly (readonly [string, string])[] = [
    ['', 'must not be empty'],
    [' busybox', 'no part of a repository'],
    ['Busybox', 'lower case'],
    ['busybox:', 'is no tag'],
    ['busybox:-x', 'is no tag'],
    [`busybox:${'t'.repeat(129)}`, 'is no tag'],
    ['busybox@', 'no digest'],
    [`busybox@sha256:${'A'.repeat(64)}`, 'no digest'],
    [`busybox@sha256:${'a'.repeat(63)}`, 'no digest'],
    [`busybox@sha512:${'a'.repeat(128)}`, 'only sha256'],
    [DIGEST, 'cannot be pulled'],
    [HEX, 'cannot be pulled'],
    ['a//b', 'no part of a repository'],
    ['a/../b', 'no part of a repository'],
    ['/a', 'no part of a repository'],
    ['a/', 'no part of a repository'],
    ['https://registry.k8s.io/pause', 'no registry host'],
    ['-bad.io/app', 'no registry host'],
    ['example.com:99999/app', 'port'],
    ['example.com/app\n', 'no part of a repository'],
    ['example.com/app:tag\n', 'is no tag'],
    ['a/' + 'b'.repeat(254), 'longer than 255'],
    ['a'.repeat(2000), 'longer than 1024'],
  ];
  it.each(refused)('refuses %j', (text, part) => {
    const message = refusal(text);
    expect(message).toContain('image.image');
    expect(message).toContain(part);
    expect(message.length).toBeLessThan(400);
  });

  it('answers every random string with a reference of the right shape or an invalid-argument', () => {
    const random = generator(42);
    const alphabet = 'ab09AZ./:@-_[]%\u0000 \nésha256';
    for (let i = 0; i < 20_000; i++) {
      const length = Math.floor(random() * 40);
      const text = Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
      if (refusal(text) !== '') continue;
      const reference = parseReference(text);
      expect(reference.canonical).toMatch(/^[\w.:[\]-]+\/[a-z0-9._/-]+(?::[\w.-]+|@sha256:[0-9a-f]{64})$/);
      expect(reference.domain).not.toContain('/');
      expect(reference.path).not.toContain('..');
    }
  });
});

describe('parseSelector()', () => {
  it('tells digests, ids, prefixes and names apart', () => {
    expect(parseSelector(DIGEST)).toEqual({ digest: DIGEST });
    expect(parseSelector(HEX)).toEqual({ digest: DIGEST });
    expect(parseSelector('sha256:abc')).toEqual({ idPrefix: 'abc' });
    expect(parseSelector('busybox').idPrefix).toBeUndefined();
    const both = parseSelector('beef');
    expect(both.idPrefix).toBe('beef');
    expect(both.reference?.canonical).toBe('docker.io/library/beef:latest');
  });
});

/** A small deterministic generator (mulberry32): the same strings in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
