import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findEntries } from './entries.ts';

describe('findEntries()', () => {
  it('finds the sources where sources run', () => {
    const { pump, namespaces, rootfs } = findEntries(new URL('command.ts', import.meta.url).href);
    expect([pump, namespaces, rootfs].filter((path) => !existsSync(path))).toEqual([]);
  });

  it('finds the bundles beside a bundle', () => {
    expect(findEntries('file:///opt/davit/dist/davitd.js')).toEqual({
      pump: '/opt/davit/dist/davit-pump.js',
      namespaces: '/opt/davit/dist/davit-namespaces.js',
      rootfs: '/opt/davit/dist/davit-rootfs.js',
      pause: `/opt/davit/dist/native/davit-pause-${process.arch}`,
    });
  });
});
