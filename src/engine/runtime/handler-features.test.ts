import { describe, expect, it } from 'vitest';
import { handlerFeatures } from './handler-features.ts';
import type { RuntimeFeatures } from './runtime-info.ts';

const ABLE: RuntimeFeatures = { recursiveReadOnlyMounts: true, idmappedMounts: true, seccomp: true, mountOptions: [] };

describe('handlerFeatures()', () => {
  it.each([
    ['6.18.44-fc', true, true],
    ['6.3.0', true, true],
    ['6.1.0-44-amd64', true, false],
    ['5.12.1', true, false],
    ['5.11.22', false, false],
    ['4.19.0', false, false],
    ['', false, false],
  ])(
    'on Linux %j: recursive read-only mounts %s, user namespaces %s',
    (kernel, recursiveReadOnlyMounts, userNamespaces) => {
      expect(handlerFeatures(ABLE, kernel)).toEqual({ recursiveReadOnlyMounts, userNamespaces });
    },
  );

  it('has nothing that the runtime does not tell', () => {
    const none = { recursiveReadOnlyMounts: false, userNamespaces: false };
    expect(handlerFeatures(undefined, '6.18.0')).toEqual(none);
    expect(handlerFeatures({ ...ABLE, recursiveReadOnlyMounts: false, idmappedMounts: false }, '6.18.0')).toEqual(none);
  });
});
