import { describe, expect, it } from 'vitest';
import { LineSplitter, parseLogLine } from './log-line.ts';

const TIME = '2016-10-06T00:17:09.669794202Z';

describe('parseLogLine()', () => {
  it('takes a full entry apart', () => {
    expect(parse(`${TIME} stdout F hello  world `)).toEqual({
      time: TIME,
      stream: 'stdout',
      partial: false,
      content: Buffer.from('hello  world '),
    });
  });

  it('knows partial entries, further tags and empty lines', () => {
    expect(parse(`${TIME} stderr P x`)).toMatchObject({ stream: 'stderr', partial: true });
    expect(parse(`${TIME} stderr F:later:more x`)).toMatchObject({ partial: false, content: Buffer.from('x') });
    expect(parse(`${TIME} stdout F `)).toMatchObject({ content: Buffer.alloc(0) });
  });

  it('keeps bytes that are no text', () => {
    const line = Buffer.concat([Buffer.from(`${TIME} stdout F `), Buffer.of(0xff, 0x00, 0xfe)]);
    expect(parseLogLine(line)?.content).toEqual(Buffer.of(0xff, 0x00, 0xfe));
  });

  it.each(['', 'x', `${TIME} stdout F`, `${TIME} stdin F x`, `${TIME} stdout X x`, 'yesterday stdout F x', '   '])(
    'takes %j for no entry',
    (line) => expect(parse(line)).toBeUndefined(),
  );
});

describe('LineSplitter', () => {
  it('puts lines together however they are cut', () => {
    const text = Buffer.from('one\n\ntwo\nthree');
    for (let size = 1; size <= text.length; size++) {
      const splitter = new LineSplitter();
      const chunk = Buffer.alloc(size);
      const lines: string[] = [];
      for (let at = 0; at < text.length; at += size) {
        // The same memory each time, as a reader does.
        const length = text.copy(chunk, 0, at, at + size);
        lines.push(...splitter.push(chunk.subarray(0, length)).map(String));
      }
      expect(lines).toEqual(['one', '', 'two']);
    }
  });
});

function parse(line: string) {
  return parseLogLine(Buffer.from(line));
}
