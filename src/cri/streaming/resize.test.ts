import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { terminalSizes } from './resize.ts';

describe('terminalSizes()', () => {
  it.each<[string, string[], string[]]>([
    ['one', ['{"Width":80,"Height":24}'], ['80x24']],
    ['one after another', ['{"Width":80,"Height":24}\n{"Height":2,"Width":1}\n'], ['80x24', '1x2']],
    ['one in pieces', ['{"Wid', 'th":80,"Hei', 'ght":24', '}'], ['80x24']],
    ['nothing from what is none', ['{}', '}{', 'x}', '{"Width":"a","Height":1}', '{"Width":1}'], []],
    [
      'nothing beyond what a terminal can be',
      ['{"Width":65536,"Height":1}{"Width":0,"Height":1}{"Width":1.5,"Height":1}'],
      [],
    ],
    ['one after a flood', ['x'.repeat(100_000), '}', '{"Width":3,"Height":4}'], ['3x4']],
  ])('reads %s', async (_, chunks, sizes) => {
    const read: string[] = [];
    for await (const { width, height } of terminalSizes(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))) {
      read.push(`${width}x${height}`);
    }
    expect(read).toEqual(sizes);
  });
});
