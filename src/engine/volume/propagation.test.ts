import { describe, expect, it } from 'vitest';
import type { MountSpec } from '../types/index.ts';
import { checkPropagation, propagationOf } from './propagation.ts';

const MOUNTINFO = `22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 27 0:40 / /srv rw,relatime shared:9 - tmpfs tmpfs rw
41 40 0:41 / /srv/data rw,relatime master:7 - tmpfs tmpfs rw
42 27 0:42 / /srv/data/deep rw,relatime shared:11 - tmpfs tmpfs rw
43 40 0:43 / /srv/with\\040blank rw,relatime shared:12 master:3 - tmpfs a\\040b rw
44 41 0:44 / /srv/data rw,relatime - tmpfs top rw
45 27 0:45 / /server rw,relatime shared:13 - tmpfs tmpfs rw
`;

function mount(propagation: MountSpec['propagation']): MountSpec {
  return { containerPath: '/data', hostPath: '/asked', readonly: false, selinuxRelabel: false, propagation };
}

describe('propagationOf()', () => {
  it.each([
    ['/', 'private'],
    ['/home/a', 'private'],
    ['/srv', 'shared'],
    ['/srv/x', 'shared'],
    ['/srv/with blank/x', 'shared'],
    ['/server', 'shared'],
    ['/serve', 'private'],
  ])('of %s is %s', (path, expected) => {
    expect(propagationOf(MOUNTINFO, path)).toBe(expected);
  });

  it('takes the topmost of stacked mounts and none that is hidden below another', () => {
    expect(propagationOf(MOUNTINFO, '/srv/data')).toBe('private');
    expect(propagationOf(MOUNTINFO, '/srv/data/deep')).toBe('private');
    expect(propagationOf(MOUNTINFO.replace(/^44.*\n/m, ''), '/srv/data/deep/x')).toBe('slave');
  });
});

describe('checkPropagation()', () => {
  const slave = MOUNTINFO.replace(/^44.*\n/m, '');

  it('takes what the node can do', () => {
    expect(() => checkPropagation(slave, mount('private'), '/home', 0)).not.toThrow();
    expect(() => checkPropagation(slave, mount('host-to-container'), '/srv/data', 0)).not.toThrow();
    expect(() => checkPropagation(slave, mount('host-to-container'), '/srv', 0)).not.toThrow();
    expect(() => checkPropagation(slave, mount('bidirectional'), '/srv', 0)).not.toThrow();
  });

  it('names the mount that the node cannot do', () => {
    expect(() => checkPropagation(slave, mount('bidirectional'), '/srv/data', 3)).toThrow(
      'config.mounts[3].propagation: bidirectional needs a shared mount, but /srv/data (for /data) is on a slave one at /srv/data',
    );
    expect(() => checkPropagation(slave, mount('host-to-container'), '/home', 1)).toThrow(
      /^config\.mounts\[1\]\.propagation: .* is on a private one at \/: run "mount --make-rshared \/"/,
    );
  });
});
