import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFile } from './log-file.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'davit-log-'));
  path = join(folder, 'a.log');
});

afterEach(() => rmSync(folder, { recursive: true }));

function append(log: LogFile, text: string): void {
  log.append(Buffer.from(text), text.length);
}

describe('LogFile.find()', () => {
  it('finds the file at its path and under another name', () => {
    const log = LogFile.open(path);
    append(log, 'x');
    for (const name of ['a.log', 'a.log.20260101-000000']) {
      renameSync(path, join(folder, name));
      path = join(folder, name);
      const found = LogFile.find(join(folder, 'a.log'), log.identity);
      expect(found?.readFrom(0, 100).toString()).toBe('x');
      found?.close();
    }
    log.close();
  });

  it('does not take another file, a link or a file that has its number for it', () => {
    const log = LogFile.open(path);
    const { identity } = log;
    log.close();
    renameSync(path, `${path}.old`);
    writeFileSync(path, '');
    expect(LogFile.find(path, { ...identity, bornNs: 1n })).toBeUndefined();
    rmSync(`${path}.old`);
    symlinkSync(path, join(folder, 'link'));
    expect(LogFile.find(path, identity)).toBeUndefined();
  });

  it('finds nothing in a folder that is gone', () => {
    const log = LogFile.open(path);
    log.close();
    expect(LogFile.find(join(folder, 'gone', 'a.log'), log.identity)).toBeUndefined();
  });
});

describe('LogFile.cut()', () => {
  it('goes on at the new end', () => {
    const log = LogFile.open(path);
    append(log, 'abcdef');
    log.cut(3);
    append(log, 'X');
    expect(log.readFrom(1, 2).toString()).toBe('bc');
    expect(log.readFrom(0, 100).toString()).toBe('abcX');
    expect(log.readFrom(50, 100).length).toBe(0);
    log.close();
  });
});
