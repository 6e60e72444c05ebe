import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detachMount, mount } from '../../sys/mount.ts';
import { isKind } from '../errors.ts';
import type { MountSpec } from '../types/index.ts';
import { createMountSources } from './mount-source.ts';

const { signal } = new AbortController();
const deps = { sourcesTimeoutMs: 500, oneSourceTimeoutMs: 500 };

let dir: string;
let fuse: number;

function spec(hostPath: string, propagation: MountSpec['propagation'] = 'private'): MountSpec {
  return { containerPath: '/data', hostPath, readonly: false, selinuxRelabel: false, propagation };
}

/** A file system whose daemon never answers: looking into it hangs. */
beforeEach(async () => {
  dir = await mkdtemp('/tmp/dvhang');
  fuse = openSync('/dev/fuse', 'r+');
  mount({
    source: 'dvhang',
    target: dir,
    type: 'fuse',
    flags: [],
    data: `fd=${fuse},rootmode=40000,user_id=0,group_id=0`,
  });
});

afterEach(async () => {
  detachMount(dir);
  closeSync(fuse);
  await rm(dir, { recursive: true });
});

describe('MountSources.resolve() on a file system that hangs', () => {
  it('names the path that hangs and leaves every other call alone', async () => {
    const sources = createMountSources(deps);
    const hung = Array.from({ length: 8 }, (_, i) =>
      sources.resolve([spec('/tmp'), spec(join(dir, `x${i}`))], signal).catch((error: unknown) => error),
    );
    await stat('/');
    expect(await sources.resolve([spec('/tmp')], signal)).toHaveLength(1);
    const errors = await Promise.all(hung);
    errors.forEach((error, i) => {
      expect(isKind(error, 'deadline-exceeded')).toBe(true);
      expect(String(error)).toContain(`config.mounts[1].host_path: ${dir}/x${i} hangs`);
    });
  });
});

describe('MountSources.resolve() of a mount with propagation', () => {
  it('looks at the real mount', async () => {
    const own = await mkdtemp('/tmp/dvprop');
    mount({ source: 'tmpfs', target: own, type: 'tmpfs', flags: [] });
    try {
      const sources = createMountSources(deps);
      execFileSync('mount', ['--make-shared', own]);
      expect(await sources.resolve([spec(own, 'bidirectional')], signal)).toHaveLength(1);
      execFileSync('mount', ['--make-private', own]);
      await expect(sources.resolve([spec(own, 'bidirectional')], signal)).rejects.toThrow(
        `bidirectional needs a shared mount, but ${own} (for /data) is on a private one at ${own}`,
      );
    } finally {
      detachMount(own);
      await rm(own, { recursive: true });
    }
  });
});
