import { describe, expect, it } from 'vitest';
import { Mount, MountPropagation } from '../generated/cri.js';
import { fromMount, toMount } from './mounts.ts';

function mount(more: Partial<Mount>): Mount {
  return Mount.create({ containerPath: '/in', hostPath: '/out', ...more });
}

describe('toMount()', () => {
  it('gives back what it was given', () => {
    const given = { readonly: true, recursiveReadOnly: true, mountOptions: ['noexec', 'nosuid'] };
    expect(fromMount(toMount('m', mount(given)))).toMatchObject({ ...given, containerPath: '/in', hostPath: '/out' });
  });

  it.each<[string, Partial<Mount>]>([
    ['m.recursive_read_only: needs readonly', { recursiveReadOnly: true }],
    [
      'm.recursive_read_only: needs propagation',
      { recursiveReadOnly: true, readonly: true, propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER },
    ],
    [
      'm.recursive_read_only: needs propagation',
      { recursiveReadOnly: true, readonly: true, propagation: MountPropagation.PROPAGATION_BIDIRECTIONAL },
    ],
    ['m.mount_options[1]: must be one of', { mountOptions: ['noexec', 'suid'] }],
    ['m.mount_options[0]: must be one of', { mountOptions: ['rw'] }],
    ['m.mount_options[0]: must be one of', { mountOptions: ['rshared'] }],
  ])('refuses: %s', (message, more) => {
    expect(() => toMount('m', mount(more))).toThrow(message);
  });
});
