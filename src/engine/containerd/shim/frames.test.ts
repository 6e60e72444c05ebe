import { describe, expect, it } from 'vitest';
import { decodeResponse, encodeFrame, encodeRequest, FrameParser, REQUEST, RESPONSE } from './frames.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('encodeRequest()', () => {
  it('puts service, method, payload and metadata in a frame of an odd stream', () => {
    const bytes = encodeRequest(1, { service: 's', method: 'M', payload: hex('0a0161'), metadata: { k: 'v' } });
    expect(bytes.toString('hex')).toBe(
      hex('00000013 00000001 01 00  0a0173 12014d 1a030a0161 2a06 0a016b 120176').toString('hex'),
    );
  });
});

describe('decodeResponse()', () => {
  it('reads a payload', () => {
    expect(decodeResponse(hex('12020801'))).toEqual({ status: undefined, payload: hex('0801') });
  });

  it('reads an error, and a status of 0 as success', () => {
    expect(decodeResponse(hex('0a06 0805 12026e6f')).status).toMatchObject({ code: 5, message: 'no' });
    expect(decodeResponse(hex('0a00 1200')).status).toBeUndefined();
  });

  it('skips fields that it does not know', () => {
    expect(decodeResponse(hex('1a0178 2005 120109')).payload).toEqual(hex('09'));
  });
});

describe('FrameParser', () => {
  const first = encodeFrame({ stream: 1, type: RESPONSE, payload: hex('aabb') });
  const second = encodeFrame({ stream: 3, type: REQUEST, payload: hex('') });

  it.each([1, 3, 9, 12, 100])('finds frames in chunks of %i bytes', (size) => {
    const parser = new FrameParser();
    const all = Buffer.concat([first, second]);
    const found = [];
    for (let at = 0; at < all.length; at += size) found.push(...parser.push(all.subarray(at, at + size)));
    expect(found).toEqual([
      { stream: 1, type: RESPONSE, payload: hex('aabb') },
      { stream: 3, type: REQUEST, payload: hex('') },
    ]);
  });

  it('refuses what is longer than any frame of the protocol', () => {
    expect(() => new FrameParser().push(hex('00400001 00000001 0200'))).toThrow('no ttrpc');
  });
});
