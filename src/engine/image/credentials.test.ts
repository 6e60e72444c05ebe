import { describe, expect, it } from 'vitest';
import { allowsHost, credentialsHash, credentialsOf } from './credentials.ts';
import type { Credentials } from './credentials.ts';

function given(auth: Parameters<typeof credentialsOf>[0]): Credentials {
  const credentials = credentialsOf(auth);
  if (credentials === undefined) throw new Error('no credentials');
  return credentials;
}

describe('credentialsOf()', () => {
  it('reads each form of auth', () => {
    const auth = Buffer.from('bob:p:w\0\0').toString('base64');
    expect(given({ auth })).toMatchObject({ username: 'bob', password: 'p:w' });
    expect(given({ auth, username: 'eve', password: 'x' })).toMatchObject({ username: 'eve', password: 'x' });
    expect(given({ identityToken: 'i' })).toMatchObject({ identityToken: 'i', username: '' });
    expect(given({ registryToken: 'r' })).toMatchObject({ registryToken: 'r' });
    expect(given({ username: '', auth })).toMatchObject({ username: 'bob' });
  });

  it('takes an empty auth for an anonymous pull', () => {
    expect(credentialsOf(undefined)).toBeUndefined();
    expect(credentialsOf({})).toBeUndefined();
    expect(credentialsOf({ username: '', serverAddress: 'example.com' })).toBeUndefined();
  });

  it('refuses what it cannot use, without repeating it', () => {
    for (const auth of [
      { auth: Buffer.from('sesame').toString('base64') },
      { username: 'a:sesame', password: 'x' },
      { registryToken: 'sesame\r\nx-evil: 1' },
      { username: 'a', password: 'b', serverAddress: 'http://[sesame' },
    ]) {
      expect(() => credentialsOf(auth)).toThrow(/^auth\.(?!.*sesame)/);
    }
  });
});

describe('allowsHost()', () => {
  it('shows credentials for one server to no other', () => {
    const bound = given({ username: 'a', password: 'b', serverAddress: 'https://index.docker.io/v1/' });
    expect(allowsHost(bound, 'registry-1.docker.io', 'docker.io')).toBe(true);
    expect(allowsHost(bound, 'mirror.example', 'docker.io')).toBe(false);
    const port = given({ username: 'a', password: 'b', serverAddress: 'Example.com:5000' });
    expect(allowsHost(port, 'example.com:5000', 'example.com:5000')).toBe(true);
    expect(allowsHost(port, 'example.com', 'example.com')).toBe(false);
    expect(allowsHost(given({ username: 'a', password: 'b' }), 'mirror.example', 'docker.io')).toBe(true);
  });
});

describe('credentialsHash()', () => {
  it('differs with every part', () => {
    const hashes = [
      credentialsHash(undefined),
      ...[
        { username: 'a', password: 'b' },
        { username: 'a', password: 'c' },
        { username: 'ab', password: '' },
        { identityToken: 'a' },
        { registryToken: 'a' },
        { username: 'a', password: 'b', serverAddress: 'x' },
      ].map((auth) => credentialsHash(credentialsOf(auth))),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});
