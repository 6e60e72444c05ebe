import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ARCHIVE_END, memberHeader, padding } from './archive.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'davit-archive-'));
});

afterEach(() => rmSync(dir, { recursive: true }));

function file(path: string, content: string): Buffer {
  const size = Buffer.byteLength(content);
  const header = memberHeader({ type: 'file', path, size, comment: 'c' });
  return Buffer.concat([header, Buffer.from(content), padding(size)]);
}

describe('memberHeader()', () => {
  it('makes an archive that tar reads: long names, names of other scripts, empty files, folders', () => {
    const long = `${'d'.repeat(120)}/${'f'.repeat(200)}`;
    const archive = Buffer.concat([
      memberHeader({ type: 'folder', path: 'sub', size: 0, comment: 'c' }),
      file('sub/plain', 'x'.repeat(513)),
      file('empty', ''),
      file(long, 'long'),
      file('größe/имя', 'other'),
      ARCHIVE_END,
    ]);
    execFileSync('tar', ['-xf', '-', '-C', dir, '--no-same-owner'], { input: archive });
    expect(readFileSync(join(dir, 'sub/plain'), 'utf8')).toBe('x'.repeat(513));
    expect(readFileSync(join(dir, 'empty'), 'utf8')).toBe('');
    expect(readFileSync(join(dir, long), 'utf8')).toBe('long');
    expect(readFileSync(join(dir, 'größe/имя'), 'utf8')).toBe('other');
    expect(statSync(join(dir, 'sub/plain')).mode & 0o777).toBe(0o644);
  });

  it('says sizes that a plain header cannot', () => {
    const size = 9 * 1024 ** 3;
    const header = memberHeader({ type: 'file', path: 'model', size, comment: 'c' });
    // It ends badly for want of the content, once it has told of the member.
    const { stdout } = spawnSync('tar', ['-tvf', '-'], { input: header, encoding: 'utf8' });
    expect(stdout).toContain(` ${size} `);
  });
});
