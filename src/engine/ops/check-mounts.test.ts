import { describe, expect, it } from 'vitest';
import type { MountSpec } from '../types/index.ts';
import { checkMounts } from './check-mounts.ts';

const MOUNT: MountSpec = {
  containerPath: '/in',
  hostPath: '/out',
  readonly: true,
  recursiveReadOnly: true,
  propagation: 'private',
  selinuxRelabel: false,
};

describe('checkMounts()', () => {
  it('K13: gives the reason that the kubelet looks for', () => {
    const features = { recursiveReadOnlyMounts: false, userNamespaces: false };
    expect(() => checkMounts([MOUNT], 'old', features)).toThrow(
      expect.objectContaining({
        reason: 'RROUnsupported',
        message: expect.stringContaining('config.mounts[0]') as string,
      }),
    );
    expect(() => checkMounts([MOUNT], 'new', { ...features, recursiveReadOnlyMounts: true })).not.toThrow();
  });
});
