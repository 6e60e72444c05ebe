import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_PROFILE_BYTES, readProfileFile } from './profile-file.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dvscmp'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('readProfileFile()', () => {
  it('reads a file, through a symlink too', async () => {
    await writeFile(join(dir, 'a.json'), '{"é":1}');
    await symlink('a.json', join(dir, 'b.json'));
    expect(await readProfileFile(join(dir, 'b.json'))).toBe('{"é":1}');
  });

  it('reads up to its limit and not beyond', async () => {
    const path = join(dir, 'big.json');
    await writeFile(path, 'x'.repeat(100));
    expect(await readProfileFile(path, 100)).toHaveLength(100);
    await expect(readProfileFile(path, 99)).rejects.toThrow(`${path}: is larger than 99 bytes`);
    await truncate(path, MAX_PROFILE_BYTES + 1);
    await expect(readProfileFile(path)).rejects.toThrow('is larger than 1048576 bytes');
  });

  it.each([
    ['a missing file', 'none.json', 'cannot be read: ENOENT'],
    ['a folder', '.', 'is not a regular file'],
    ['a pipe that nobody writes to', 'pipe', 'is not a regular file'],
  ])('refuses %s', async (_what, name, problem) => {
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    await expect(readProfileFile(join(dir, name))).rejects.toThrow(`${join(dir, name)}: ${problem}`);
  });
});
