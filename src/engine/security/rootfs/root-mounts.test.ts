import { describe, expect, it } from 'vitest';
import { readOnlyMounts, writableMounts } from './root-mounts.ts';
import type { RootfsMount } from './root-mounts.ts';

function overlay(...options: readonly string[]): RootfsMount {
  return { type: 'overlay', source: 'overlay', options };
}

describe('readOnlyMounts()', () => {
  it('turns the upper folder of an overlay into its topmost lower one, relative to what all share', () => {
    const mounts = [
      overlay('index=off', 'userxattr', 'workdir=/s/9/work', 'upperdir=/s/9/fs', 'lowerdir=/s/2/fs:/s/1/fs'),
    ];
    expect(readOnlyMounts(mounts)).toEqual([
      {
        kind: 'filesystem',
        type: 'overlay',
        source: 'overlay',
        data: 'lowerdir=9/fs:2/fs:1/fs,userxattr',
        from: '/s',
      },
    ]);
  });

  it('binds the folder of an overlay that has but one', () => {
    expect(readOnlyMounts([overlay('lowerdir=/s/1/fs')])).toEqual([{ kind: 'bind', source: '/s/1/fs' }]);
  });

  it('keeps layers apart that only share the beginning of a name, and those that are their parent', () => {
    const [mount] = readOnlyMounts([overlay('lowerdir=/s/1/fs:/s10/fs:/s/1')]);
    expect(mount).toMatchObject({ data: 'lowerdir=s/1/fs:s10/fs:s/1', from: '/' });
  });

  it('understands escaped colons', () => {
    const [mount] = readOnlyMounts([overlay('upperdir=/s:x/2', 'lowerdir=/s\\:x/1')]);
    expect(mount).toMatchObject({ data: 'lowerdir=2:1', from: '/s:x' });
  });

  it('fits hundreds of layers into a page', () => {
    const base = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots';
    const layers = Array.from({ length: 400 }, (_value, index) => `${base}/${index}/fs`);
    const [mount] = readOnlyMounts([overlay(`lowerdir=${layers.join(':')}`)]);
    expect(mount?.kind === 'filesystem' && mount.data.length).toBeLessThan(4096);
  });

  it('takes bind mounts and other file systems', () => {
    expect(
      readOnlyMounts([
        { type: 'bind', source: '/s/1/fs', options: ['rw', 'rbind'] },
        { type: 'btrfs', source: '/dev/x', options: ['rw', 'subvolid=5'] },
      ]),
    ).toEqual([
      { kind: 'bind', source: '/s/1/fs' },
      { kind: 'filesystem', type: 'btrfs', source: '/dev/x', data: 'subvolid=5', from: '/' },
    ]);
  });

  it.each<[string, RootfsMount]>([
    ['loop device', { type: 'erofs', source: '/x', options: ['loop'] }],
    ['target', { type: 'bind', source: '/x', target: '/sub', options: [] }],
    ['no layer', overlay('index=off')],
    ['too many layers', overlay(`lowerdir=${Array.from({ length: 2000 }, (_value, n) => `/s/${n}/fs`).join(':')}`)],
  ])('refuses what it cannot mount: %s', (why, mount) => {
    expect(() => readOnlyMounts([mount])).toThrow(why);
  });
});

describe('writableMounts()', () => {
  it('keeps what an overlay writes to, and none of what only its own container may say', () => {
    const options = ['index=off', 'volatile', 'uidmap=0:9:9', 'workdir=/s/9/work', 'upperdir=/s/9/fs'];
    const mounts = [overlay(...options, 'lowerdir=/s/2/fs:/s/1/fs')];
    expect(writableMounts(mounts)).toEqual([
      {
        kind: 'filesystem',
        type: 'overlay',
        source: 'overlay',
        data: 'lowerdir=2/fs:1/fs,upperdir=/s/9/fs,workdir=/s/9/work,index=off',
        from: '/s',
      },
    ]);
  });

  it('binds a folder, and refuses an overlay without a place to write to', () => {
    const bind = { type: 'bind', source: '/s/1/fs', options: ['rw', 'rbind'] };
    expect(writableMounts([bind])).toEqual([{ kind: 'bind', source: '/s/1/fs' }]);
    expect(() => writableMounts([overlay('lowerdir=/s/1/fs')])).toThrow('no folder to write to');
  });
});
