import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME, FRAME_LIMIT_BYTES, FrameParser } from './attach-frames.ts';

describe('FrameParser', () => {
  it('gives whole frames, however they come in pieces', () => {
    const payloads = ['', 'a', 'x'.repeat(1500), 'last'].map((text) => Buffer.from(text));
    const bytes = Buffer.concat(payloads.flatMap((payload) => encodeFrame(FRAME.stdout, payload)));
    for (const size of [1, 2, 3, 7, 1000, bytes.length]) {
      const parser = new FrameParser();
      const frames = [];
      for (let at = 0; at < bytes.length; at += size) frames.push(...parser.push(bytes.subarray(at, at + size)));
      expect(frames.map(({ payload }) => payload.toString())).toEqual(payloads.map(String));
      expect(new Set(frames.map(({ kind }) => kind))).toEqual(new Set([FRAME.stdout]));
    }
  });

  it('throws at a frame that is too long, before it has come', () => {
    const [header = Buffer.alloc(0)] = encodeFrame(FRAME.stdin, Buffer.alloc(FRAME_LIMIT_BYTES + 1));
    expect(() => new FrameParser().push(header)).toThrow('longer than 65536 bytes: 65537');
  });
});
