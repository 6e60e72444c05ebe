import { describe, expect, it } from 'vitest';
import { unprivileged, unsupported } from './preflight.ts';

const GOOD = { platform: 'linux', arch: 'x64', node: '24.21.0', uid: 0 };

describe('unsupported()', () => {
  it('has nothing to say where davitd runs', () => {
    expect(unsupported(GOOD)).toBeUndefined();
    expect(unsupported({ ...GOOD, node: '26.0.1', arch: 'arm64' })).toBeUndefined();
  });

  it.each([
    [{ node: '20.19.0' }, 'davitd needs Node 24 or newer and was started by Node 20.19.0'],
    [{ platform: 'darwin' }, 'cannot do so on darwin'],
    [{ arch: 'ppc64' }, 'this machine is ppc64'],
  ])('says what is missing: %j', (change, sentence) => {
    expect(unsupported({ ...GOOD, ...change })).toContain(sentence);
  });
});

describe('unprivileged()', () => {
  it('wants root', () => {
    expect(unprivileged(GOOD)).toBeUndefined();
    expect(unprivileged({ ...GOOD, uid: 1000 })).toContain('must run as root');
  });
});
