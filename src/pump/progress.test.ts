import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProgressFile, type Progress } from './progress.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'davit-progress-'));
  path = join(folder, 'progress');
});

afterEach(() => rmSync(folder, { recursive: true }));

function progressAt(offset: number): Progress {
  return {
    log: { identity: { device: 2n ** 63n, inode: 2n ** 64n - 1n, bornNs: -1n }, size: 2 ** 52 },
    positions: { stdout: { offset, bytes: 2 ** 50 + 1, lines: 3 }, stderr: { offset: 4, bytes: 5, lines: 6 } },
  };
}

function saveAll(all: readonly Progress[]): void {
  const file = ProgressFile.open(path);
  for (const progress of all) file.save(progress);
  file.close();
}

function load(): Progress | undefined {
  const file = ProgressFile.open(path);
  try {
    return file.load();
  } finally {
    file.close();
  }
}

describe('ProgressFile', () => {
  it('has nothing before the first save', () => {
    expect(load()).toBeUndefined();
  });

  it('gives the last save back', () => {
    saveAll([1, 2, 3].map(progressAt));
    expect(load()).toEqual(progressAt(3));
  });

  it('keeps what is absent absent', () => {
    const progress = { positions: { stdout: { offset: 1, bytes: 2, lines: 3 } } };
    saveAll([progress]);
    expect(load()).toEqual(progress);
  });

  it('goes on counting where the last process stopped', () => {
    saveAll([1, 2, 3].map(progressAt));
    const file = ProgressFile.open(path);
    file.load();
    file.save(progressAt(4));
    file.close();
    expect(load()).toEqual(progressAt(4));
  });

  it('falls back to the save before one that is damaged at any byte', () => {
    saveAll([1, 2].map(progressAt));
    const whole = readFileSync(path);
    for (let at = 0; at < 128; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff; // the second save is in the first slot
      writeFileSync(path, damaged);
      expect(load()).toEqual(progressAt(1));
    }
  });
});
