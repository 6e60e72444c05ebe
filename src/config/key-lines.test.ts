import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { KeyLines } from './key-lines.ts';
import { tomlKey, tomlValue } from './toml-value.ts';

describe('KeyLines', () => {
  it('finds keys behind everything that TOML allows around them', () => {
    const text = [
      '\uFEFF# a = 1', // 1
      'top = """', // 2
      'fake = 1 # no comment', // 3
      '\\""""', // 4
      'list = [ # fake = 2', // 5
      '  \'x = 1\', """', // 6
      '  y = 2""", { z = 3 },', // 7
      ']', // 8
      '', // 9
      '[ "a.b" . c ] # d = 1', // 10
      "lit = '''", // 11
      "it''s = \\", // 12
      "'''", // 13
      '"\\u0064e\\"f".g = 1979-05-27 07:32:00', // 14
      'inline = { one = 1, two = [', // 15
      '  { three = "}" } ] }', // 16
      '[[many.of]]', // 17
      'last = true', // 18
    ].join('\n');
    parse(text);
    const lines = new KeyLines(text);
    const found = {
      top: lines.find(['top']),
      fake: lines.find(['fake']),
      list: lines.find(['list']),
      table: lines.find(['a.b', 'c']),
      literal: lines.find(['a.b', 'c', 'lit']),
      quoted: lines.find(['a.b', 'c', 'de"f', 'g']),
      inline: lines.find(['a.b', 'c', 'inline', 'one']),
      nested: lines.find(['a.b', 'c', 'inline', 'two', 'three']),
      last: lines.find(['many', 'of', 'last']),
    };
    expect(found).toEqual({
      top: 2,
      fake: undefined,
      list: 5,
      table: 10,
      literal: 11,
      quoted: 14,
      inline: 15,
      nested: 16,
      last: 18,
    });
  });

  it('answers the line of the table around a key that is not there', () => {
    const lines = new KeyLines('\n[log]\nmax_line = "1KiB"');
    expect(lines.find(['log', 'other', 'deep'])).toBe(2);
    expect(lines.find(['network'])).toBeUndefined();
  });

  it('agrees with the writer on random documents', () => {
    const random = sequence(20);
    for (let round = 0; round < 200; round++) {
      const { text, expected } = randomDocument(random);
      parse(text);
      const lines = new KeyLines(text);
      for (const [path, line] of expected) expect([path, lines.find(path)]).toEqual([path, line]);
    }
  });
});

const KEYS = ['a', 'b-c', 'd.e', '"', "'", '', '#', '[', '=', '__proto__', 'ü', '1'];
const VALUES: readonly unknown[] = [
  1,
  true,
  'x = 1',
  '#',
  '"""',
  "'",
  ['[', ']'],
  [['a'], []],
  { k: '}', '=': { '{': 1 } },
  {},
];

function randomDocument(random: () => number) {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const rows: string[] = [];
  const expected: [string[], number][] = [];
  let table: string[] = [];
  let used = new Set<string>();
  for (let count = 0; count < 15; count++) {
    if (random() < 0.3) rows.push(pick(['', '# c = "', '  ', '\t#[x]']));
    if (random() < 0.2) {
      table = [`t${count}`, pick(KEYS)];
      used = new Set();
      rows.push(`[ ${table.map(tomlKey).join(' . ')} ]${pick(['', ' # ]'])}`);
      expected.push([table, rows.length]);
    }
    const key = pick(KEYS);
    if (used.has(key)) continue;
    used.add(key);
    rows.push(
      `${pick(['', ' ', '\t'])}${tomlKey(key)}${pick(['=', ' = '])}${tomlValue(pick(VALUES))}${pick(['', ' # "'])}`,
    );
    expected.push([[...table, key], rows.length]);
  }
  return { text: rows.join(pick(['\n', '\r\n'])), expected };
}

/** The same numbers in every run: a failure can be run again. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
