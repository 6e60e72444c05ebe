import { describe, expect, it } from 'vitest';
import { choosePlatform, nodePlatform } from './platform.ts';

function entry(
  os: string,
  architecture: string,
  variant = '',
): { platform: { os: string; architecture: string; variant: string } } {
  return { platform: { os, architecture, variant } };
}

describe('choosePlatform()', () => {
  const amd64 = nodePlatform('x64');
  const arm64 = nodePlatform('arm64');

  it('takes the entry of this machine', () => {
    const entries = [
      entry('windows', 'amd64'),
      entry('linux', 'arm64', 'v8'),
      entry('linux', 'amd64'),
      entry('unknown', 'unknown'),
    ];
    expect(choosePlatform(entries, amd64)).toBe(entries[2]);
    expect(choosePlatform(entries, arm64)).toBe(entries[1]);
  });

  it('takes no variant that this machine may lack', () => {
    expect(choosePlatform([entry('linux', 'amd64', 'v3')], amd64)).toBeUndefined();
    expect(choosePlatform([entry('linux', 'arm', 'v7')], arm64)).toBeUndefined();
  });

  it('takes an entry without a platform last', () => {
    const bare = {};
    const plain = entry('linux', 'amd64', 'v1');
    expect(choosePlatform([bare, plain], amd64)).toBe(plain);
    expect(choosePlatform([bare], amd64)).toBe(bare);
    expect(choosePlatform([], amd64)).toBeUndefined();
  });
});
