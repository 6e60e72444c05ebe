import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readChoice, writeChoice } from './choice-file.ts';

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dv-choice-'));
  path = join(dir, 'containerd.json');
});

afterEach(() => rm(dir, { recursive: true }));

describe('readChoice()', () => {
  it('gives back what writeChoice() wrote, readable by root alone', async () => {
    for (const uuid of [undefined, 'u']) {
      await writeChoice(path, { kind: 'system', address: '/a', uuid });
      expect(await readChoice(path)).toEqual({ kind: 'system', address: '/a', uuid });
    }
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('answers nothing where nothing is recorded', async () => {
    expect(await readChoice(path)).toBeUndefined();
  });

  it.each(['', '{', '[]', '{"version":2,"kind":"system","address":"/a"}', '{"version":1,"kind":"x","address":"/a"}'])(
    'refuses %j and says what to do',
    async (text) => {
      await writeFile(path, text);
      await expect(readChoice(path)).rejects.toMatchObject({
        kind: 'data-loss',
        message: expect.stringContaining('--containerd-address'),
      });
    },
  );
});
