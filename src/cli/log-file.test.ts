import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLog, tailOffset } from './log-file.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dv-log-'));
  path = join(folder, '0.log');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('readLog()', () => {
  it('reads what is there and leaves out an entry that is not finished', async () => {
    writeFileSync(path, `${entry('a')}nonsense\n${entry('b')}${entry('c').trimEnd()}`);
    expect(await contents(0, [])).toEqual(['a', undefined, 'b']);
  });

  it('follows the file until nobody writes any more, the last lines included', async () => {
    writeFileSync(path, entry('a'));
    const steps = [
      () => appendFileSync(path, `${entry('b')}${entry('c').slice(0, 10)}`),
      () => appendFileSync(path, entry('c').slice(10)),
      () => appendFileSync(path, entry('d')),
    ];
    expect(await contents(0, steps)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('goes on in the new file of a rotation and misses nothing of the old one', async () => {
    writeFileSync(path, entry('a'));
    const steps = [
      () => {
        appendFileSync(path, entry('b'));
        renameSync(path, `${path}.1`);
      },
      // Between rename and reopening there is no file, and the old one still grows.
      () => appendFileSync(`${path}.1`, entry('late')),
      () => writeFileSync(path, entry('c')),
      () => appendFileSync(path, entry('d')),
    ];
    expect(await contents(0, steps)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('ends when the container ends and no new file was made', async () => {
    writeFileSync(path, entry('a'));
    expect(await contents(0, [() => renameSync(path, `${path}.1`)])).toEqual(['a']);
  });
});

describe('tailOffset()', () => {
  it('counts lines of output, not entries', async () => {
    writeFileSync(path, [entry('1'), entry('2a', 'P'), entry('2b'), entry('3a', 'P'), entry('3b', 'P')].join(''));
    const tails = await Promise.all([0, 1, 2, 3, 9].map(async (count) => contents(await tailOffset(path, count), [])));
    expect(tails).toEqual([
      [],
      ['3a', '3b'],
      ['2a', '2b', '3a', '3b'],
      ['1', '2a', '2b', '3a', '3b'],
      ['1', '2a', '2b', '3a', '3b'],
    ]);
  });
});

/** Runs a step each time the reader asks whether more may come; after the last step nothing does. */
async function contents(from: number, steps: readonly (() => void)[]) {
  const rest = [...steps];
  const mayGrow = async () => {
    rest.shift()?.();
    return rest.length > 0;
  };
  const found: (string | undefined)[] = [];
  for await (const each of readLog(path, { from, mayGrow })) found.push(each?.content.toString());
  return found;
}

function entry(content: string, tag = 'F'): string {
  return `2016-10-06T00:17:09.669794202Z stdout ${tag} ${content}\n`;
}
