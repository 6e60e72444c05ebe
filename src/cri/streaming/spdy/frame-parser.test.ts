import { describe, expect, it } from 'vitest';
import { controlFrame, dataHeader, FRAME, uint32 } from './frame.ts';
import { FrameParser, MAX_CONTROL_BYTES } from './frame-parser.ts';
import type { ParsedFrame } from './frame-parser.ts';
import { bytesOf, randomFrom } from './test-random.ts';

const PING = controlFrame(FRAME.ping, 0, uint32(7));

describe('FrameParser', () => {
  it('gives control frames whole, however the bytes arrive', () => {
    const parser = new FrameParser();
    for (const byte of PING.subarray(0, -1)) {
      parser.push(Buffer.of(byte));
      expect(parser.next()).toBeUndefined();
    }
    parser.push(Buffer.concat([PING.subarray(-1), PING]));
    const ping = { kind: 'control', type: FRAME.ping, flags: 0, body: uint32(7) };
    expect(all(parser)).toEqual([ping, ping]);
  });

  it('gives data as it arrives, the end with the last piece', () => {
    const parser = new FrameParser();
    parser.push(Buffer.concat([dataHeader(5, 1, 6), Buffer.from('abc')]));
    expect(all(parser)).toEqual([{ kind: 'data', streamId: 5, chunk: Buffer.from('abc'), fin: false }]);
    parser.push(Buffer.from('def'));
    expect(all(parser)).toEqual([{ kind: 'data', streamId: 5, chunk: Buffer.from('def'), fin: true }]);
    parser.push(dataHeader(5, 1, 0));
    expect(all(parser)).toEqual([{ kind: 'data', streamId: 5, chunk: Buffer.alloc(0), fin: true }]);
  });

  it('refuses a control frame by its length, before there is a body', () => {
    const parser = new FrameParser();
    parser.push(Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]));
    const broken = { kind: 'broken', problem: `a control frame of 16777215 bytes, more than ${MAX_CONTROL_BYTES}` };
    expect(all(parser)).toEqual([broken]);
    parser.push(PING);
    expect(all(parser)).toEqual([]);
  });

  it('refuses another version', () => {
    const parser = new FrameParser();
    parser.push(Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4]));
    expect(all(parser)).toMatchObject([{ kind: 'broken' }]);
  });

  it('never throws on random bytes, and gives no more than it got', () => {
    const random = randomFrom(1);
    for (let round = 0; round < 2_000; round++) {
      const parser = new FrameParser();
      let pushed = 0;
      let given = 0;
      for (let n = random(8); n >= 0; n--) {
        const chunk = bytesOf(random, random(200));
        pushed += chunk.length;
        parser.push(chunk);
        given += all(parser).reduce((sum, frame) => sum + sizeOf(frame), 0);
      }
      expect(given).toBeLessThanOrEqual(pushed);
    }
  });
});

function all(parser: FrameParser): readonly ParsedFrame[] {
  const frames: ParsedFrame[] = [];
  for (let frame = parser.next(); frame !== undefined; frame = parser.next()) frames.push(frame);
  return frames;
}

function sizeOf(frame: ParsedFrame): number {
  if (frame.kind === 'broken') return 0;
  return frame.kind === 'control' ? frame.body.length : frame.chunk.length;
}
