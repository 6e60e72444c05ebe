import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rdtGroups } from './rdt.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dvrdt'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('rdtGroups()', () => {
  it('are the folders that have a schema', async () => {
    await writeFile(join(dir, 'schemata'), '');
    for (const name of ['silver', 'gold', 'info', 'mon_groups', 'empty']) {
      await mkdir(join(dir, name));
      if (name !== 'empty') await writeFile(join(dir, name, 'schemata'), '');
    }
    expect(await rdtGroups(dir)).toEqual(['gold', 'silver']);
  });

  it('are unknown where nobody has mounted them', async () => {
    expect(await rdtGroups(dir)).toBeUndefined();
    expect(await rdtGroups(join(dir, 'none'))).toBeUndefined();
  });
});
