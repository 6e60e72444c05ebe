import { describe, expect, it } from 'vitest';
import { MessageLines } from './pump-messages.ts';

describe('MessageLines', () => {
  it('gives whole lines, however they come in pieces', () => {
    const bytes = Buffer.from('{"a":1}\n\n"é"\nrest');
    for (let size = 1; size <= bytes.length; size++) {
      const lines = new MessageLines(100);
      const found: string[] = [];
      for (let at = 0; at < bytes.length; at += size) found.push(...lines.push(bytes.subarray(at, at + size)));
      expect(found).toEqual(['{"a":1}', '', '"é"']);
    }
  });

  it('throws at a line that is too long, whole or not', () => {
    expect(() => new MessageLines(3).push(Buffer.from('abcd\n'))).toThrow('longer than 3 bytes');
    expect(() => new MessageLines(3).push(Buffer.from('abc\nabcd'))).toThrow('longer than 3 bytes');
  });
});
