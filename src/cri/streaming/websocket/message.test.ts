import { describe, expect, it } from 'vitest';
import { BASE64, BINARY } from './channel-codec.ts';
import { MESSAGE, messageHead } from './message.ts';

describe('messageHead()', () => {
  it.each([
    [0, '8200'],
    [125, '827d'],
    [126, '827e007e'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
    [2 ** 32 - 1, '827f00000000ffffffff'],
  ])('tells the length %i', (length, hex) => {
    expect(messageHead(MESSAGE.binary, length).toString('hex')).toBe(hex);
  });

  it('ends with the first bytes of the message', () => {
    expect(messageHead(MESSAGE.text, 1, 3).toString('hex')).toBe('810103');
    expect(messageHead(MESSAGE.text, 65_536, 3).at(-1)).toBe(3);
  });
});

describe('ChannelCodec.encode()', () => {
  it('puts the channel before a chunk, which is not copied', () => {
    const chunk = Buffer.from('chunk');
    const [head, rest] = BINARY.encode(2, chunk);
    expect(head?.toString('hex')).toBe('820602');
    expect(rest).toBe(chunk);
  });

  it('makes text of base64', () => {
    expect(Buffer.concat(BASE64.encode(2, Buffer.from('text'))).toString('latin1')).toBe('\x81\x092dGV4dA==');
  });
});
