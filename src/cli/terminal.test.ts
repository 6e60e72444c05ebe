import { describe, expect, it } from 'vitest';
import { frame } from './terminal.ts';

describe('frame()', () => {
  it('draws from the top, each line to its end, and nothing below', () => {
    expect(frame('a\nb\n', { columns: 10, rows: 5 })).toBe('\u001B[Ha\u001B[K\r\nb\u001B[K\u001B[J');
  });

  it('cuts what does not fit, and says so', () => {
    expect(frame('abcdef\nb\nc\nd', { columns: 4, rows: 3 })).toBe(
      '\u001B[Habcd\u001B[K\r\nb\u001B[K\r\n… 2 \u001B[K\u001B[J',
    );
  });
});
