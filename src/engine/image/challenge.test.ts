import { describe, expect, it } from 'vitest';
import { parseChallenges } from './challenge.ts';

describe('parseChallenges()', () => {
  it('reads a token offer', () => {
    const header =
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"';
    expect(parseChallenges(header)).toEqual([
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://auth.example/token',
          service: 'registry.example',
          scope: 'repository:a/b:pull,push',
        },
      },
    ]);
  });

  it('reads several offers in one header', () => {
    const header = 'Basic realm="a, \\"b\\"" , Negotiate, BEARER Realm=plain,error = "x"';
    expect(parseChallenges(header)).toEqual([
      { scheme: 'basic', parameters: { realm: 'a, "b"' } },
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'bearer', parameters: { realm: 'plain', error: 'x' } },
    ]);
  });

  it.each(['', ',,,', '"', '=', 'Basic realm="never ends', '\u0000\u0001', 'a'.repeat(100_000)])(
    'ends on what is no challenge: %j',
    (header) => {
      expect(parseChallenges(header).length).toBeLessThanOrEqual(2);
    },
  );

  it('does not let a parameter reach the prototype', () => {
    const [challenge] = parseChallenges('Bearer __proto__="x",realm="y"');
    expect(challenge?.parameters['realm']).toBe('y');
    expect(Object.getPrototypeOf(challenge?.parameters)).toBe(Object.prototype);
  });
});
