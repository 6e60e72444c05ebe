import { mkdtemp, mkdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isKind } from '../errors.ts';
import type { MountSpec } from '../types/index.ts';
import { createMountSources } from './mount-source.ts';

const { signal } = new AbortController();
let dir: string;

function mount(hostPath: string, propagation: MountSpec['propagation'] = 'private'): MountSpec {
  return { containerPath: '/data', hostPath, readonly: false, selinuxRelabel: false, propagation };
}

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'dvms')));
});
afterEach(() => rm(dir, { recursive: true }));

describe('MountSources.resolve()', () => {
  it('resolves symlinks, blanks and newlines in names included, in the order of the request', async () => {
    await mkdir(join(dir, 'real dir'));
    await writeFile(join(dir, 'a\nb'), '');
    await symlink('real dir', join(dir, 'link'));
    const asked = ['link', 'a\nb', 'link/../link', 'real dir'].map((name) => mount(join(dir, name)));
    const resolved = await createMountSources().resolve(asked, signal);
    expect(resolved.map(({ source }) => source)).toEqual(
      ['real dir', 'a\nb', 'real dir', 'real dir'].map((name) => join(dir, name)),
    );
    expect(resolved.map(({ spec }) => spec)).toEqual(asked);
    expect(await createMountSources().resolve([], signal)).toEqual([]);
  });

  it('names the missing one', async () => {
    const error: unknown = await createMountSources()
      .resolve([mount(dir), mount(join(dir, 'absent'))], signal)
      .catch((e: unknown) => e);
    expect(isKind(error, 'invalid-argument')).toBe(true);
    expect(String(error)).toContain(`config.mounts[1].host_path: ${dir}/absent: No such file or directory`);
  });

  it('names a dangling symlink, and a path below a file', async () => {
    await symlink('nowhere', join(dir, 'dangling'));
    await writeFile(join(dir, 'file'), '');
    const sources = createMountSources();
    await expect(sources.resolve([mount(join(dir, 'dangling'))], signal)).rejects.toThrow(/host_path: .*No such file/);
    await expect(sources.resolve([mount(join(dir, 'file/x'))], signal)).rejects.toThrow(/host_path: .*Not a directory/);
  });

  it('rejects relative paths', async () => {
    await expect(createMountSources().resolve([mount('data')], signal)).rejects.toThrow(
      'config.mounts[0].host_path: not an absolute path: "data"',
    );
  });

  it('says what is missing when the program is not there', async () => {
    const sources = createMountSources({ program: '/nonexistent/realpath' });
    await expect(sources.resolve([mount(dir)], signal)).rejects.toThrow(/host_path: .*ENOENT/);
  });

  it('ends with the caller', async () => {
    const program = join(dir, 'slow');
    await writeFile(program, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    const controller = new AbortController();
    const asked = createMountSources({ program }).resolve([mount(dir)], controller.signal);
    controller.abort();
    await expect(asked).rejects.toThrow(/abort/);
  });
});

describe('MountSources.demandAnswer()', () => {
  it('looks at nothing where the file system cannot hang, and at what is not there', async () => {
    const sources = createMountSources({ program: '/no/such/program' });
    await expect(sources.demandAnswer('log folder', dir, signal)).resolves.toBeUndefined();
    await expect(sources.demandAnswer('log folder', join(dir, 'absent'), signal)).resolves.toBeUndefined();
    const absent = createMountSources().demandAnswer('log folder', '/proc/self/absent', signal);
    await expect(absent).resolves.toBeUndefined();
  });

  it('refuses what does not answer, by name', async () => {
    const program = join(dir, 'hangs');
    await writeFile(program, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    const sources = createMountSources({ program, oneSourceTimeoutMs: 50 });
    // What is below /proc stands for a file system that is not known to be the machine's own.
    const refused = sources.demandAnswer('log folder', '/proc/self', signal);
    await expect(refused).rejects.toMatchObject({
      kind: 'deadline-exceeded',
      message: expect.stringMatching(/^log folder \/proc\/self hangs: it did not answer within 0.05 s/),
    });
  });
});
