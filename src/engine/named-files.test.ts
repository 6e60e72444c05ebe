import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { namedFileChecks } from './named-files.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dvnamed'));
  execFileSync('mkfifo', [join(dir, 'pipe')]);
  await writeFile(join(dir, 'good.json'), '{"defaultAction":"SCMP_ACT_LOG"}');
  await writeFile(join(dir, 'bad.json'), '{"defaultAction":"LOG"}');
  await writeFile(join(dir, 'text'), '{');
  await writeFile(join(dir, 'huge'), '');
  await truncate(join(dir, 'huge'), 2 ** 40);
});
afterEach(() => rm(dir, { recursive: true }));

describe('namedFileChecks.seccompProfile()', () => {
  it('takes a profile', () => {
    expect(() => namedFileChecks.seccompProfile(join(dir, 'good.json'))).not.toThrow();
  });

  it.each([
    ['what is none', 'bad.json', 'defaultAction: "LOG" is none'],
    ['what is no JSON', 'text', 'is not JSON'],
    ['a missing file', 'none.json', 'cannot be read: ENOENT'],
    ['a folder', '.', 'is not a regular file'],
    ['a pipe that nobody writes to', 'pipe', 'is not a regular file'],
    ['a device', '/dev/zero', 'is not a regular file'],
    ['a file that does not fit memory', 'huge', 'is larger than 1048576 bytes'],
  ])('refuses %s, by its path', (_what, name, problem) => {
    const path = name.startsWith('/') ? name : join(dir, name);
    expect(() => namedFileChecks.seccompProfile(path)).toThrow(`${path}: ${problem}`);
  });
});
