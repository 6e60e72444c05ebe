import { describe, expect, it } from 'vitest';
import { HEADER_LENGTH, LineFormatter } from './line-formatter.ts';
import { contentOf, randomBytes, seeded } from './test-lines.ts';

const MAX_LINE = 16;
const AT = { seconds: 1_700_000_000, nanos: 123_456_789 };

interface Run {
  readonly log: string;
  readonly lines: number;
}

/** Formats `input` in the given pieces as the pump does: what is left of one piece comes again before the next. */
function run(pieces: readonly Buffer[], maxLine = MAX_LINE): Run {
  const formatter = new LineFormatter(() => AT);
  const log: Buffer[] = [];
  const sink = (bytes: Buffer, length: number): number => log.push(Buffer.from(bytes.subarray(0, length)));
  let pending = Buffer.alloc(0);
  let lines = 0;
  for (const [index, piece] of pieces.entries()) {
    const input = Buffer.concat([pending, piece, Buffer.from('\nstale')]);
    const length = pending.length + piece.length;
    const final = index === pieces.length - 1;
    const done = formatter.format(input, length, { stream: 'stdout', maxLine, final }, sink);
    pending = input.subarray(done.consumed, length);
    lines += done.lines;
    expect(pending.length).toBeLessThanOrEqual(maxLine);
  }
  expect(pending.length).toBe(0);
  return { log: Buffer.concat(log).toString('latin1'), lines };
}

/** `F:content` or `P:content` of each line. */
function tagged(input: string, maxLine = MAX_LINE): readonly string[] {
  const { log } = run([Buffer.from(input)], maxLine);
  return log
    .split('\n')
    .slice(0, -1)
    .map((line) => `${line[HEADER_LENGTH - 2]}:${line.slice(HEADER_LENGTH)}`);
}

/** The same, told simply: split at newlines, then cut every line into pieces. */
function oracle(input: string, maxLine: number): readonly string[] {
  const parts = input.split('\n');
  const last = parts.pop() ?? '';
  const cut = (line: string, end: string): string[] => {
    const pieces: string[] = [];
    let rest = line;
    for (; rest.length > maxLine; rest = rest.slice(maxLine)) pieces.push(`P:${rest.slice(0, maxLine)}`);
    return [...pieces, `${end}:${rest}`];
  };
  return [...parts.flatMap((line) => cut(line, 'F')), ...(last === '' ? [] : cut(last, 'P'))];
}

describe('LineFormatter', () => {
  it('writes time, stream, tag and content', () => {
    expect(run([Buffer.from('hello\n')]).log).toBe('2023-11-14T22:13:20.123456789Z stdout F hello\n');
  });

  it('gives each line a time of its own', () => {
    const times = run([Buffer.from('a\na\na\n')]).log.match(/\S+Z/g);
    expect(times).toEqual([
      '2023-11-14T22:13:20.123456789Z',
      '2023-11-14T22:13:20.123456790Z',
      '2023-11-14T22:13:20.123456791Z',
    ]);
  });

  it('keeps empty lines and carriage returns', () => {
    expect(tagged('\n\na\r\n\r\n')).toEqual(['F:', 'F:', 'F:a\r', 'F:\r']);
  });

  it('writes a line of exactly the longest length whole', () => {
    expect(tagged('0123456789abcdef\n')).toEqual(['F:0123456789abcdef']);
  });

  it('cuts a longer line into partial ones and a full one', () => {
    expect(tagged('0123456789abcdefX\n')).toEqual(['P:0123456789abcdef', 'F:X']);
    expect(tagged('0123456789abcdef0123456789abcdef\n')).toEqual(['P:0123456789abcdef', 'F:0123456789abcdef']);
  });

  it('writes the end of a stream without a newline as partial', () => {
    expect(tagged('a\nb')).toEqual(['F:a', 'P:b']);
    expect(tagged('0123456789abcdef')).toEqual(['P:0123456789abcdef']);
    expect(tagged('')).toEqual([]);
  });

  it('takes lines longer than its buffers', () => {
    const line = 'x'.repeat(1_000_000);
    expect(tagged(`${line}\ny\n`, 1_000_000)).toEqual([`F:${line}`, 'F:y']);
    expect(tagged('\n'.repeat(100_000), 10)).toHaveLength(100_000);
  });

  it('leaves an unfinished line to the next call', () => {
    const formatter = new LineFormatter(() => AT);
    const options = { stream: 'stderr', maxLine: MAX_LINE, final: false } as const;
    expect(formatter.format(Buffer.from('a\nbc'), 4, options, () => undefined)).toEqual({ consumed: 2, lines: 1 });
  });

  it('gives the same lines however the stream is cut into pieces', () => {
    const random = seeded(7);
    for (let round = 0; round < 300; round++) {
      const maxLine = 1 + random(20);
      const input = randomBytes(random, random(400), 2 + random(12));
      const pieces: Buffer[] = [];
      for (let at = 0; at < input.length;) {
        const size = round % 3 === 0 ? 1 : 1 + random(60);
        pieces.push(input.subarray(at, at + size));
        at += size;
      }
      const { log, lines } = run([...pieces, Buffer.alloc(0)], maxLine);
      const expected = oracle(input.toString('latin1'), maxLine);
      expect(
        log
          .split('\n')
          .slice(0, -1)
          .map((line) => `${line[HEADER_LENGTH - 2]}:${line.slice(HEADER_LENGTH)}`),
      ).toEqual(expected);
      expect(lines).toBe(expected.length);
      expect(contentOf(Buffer.from(log, 'latin1'), 'stdout').equals(input)).toBe(true);
    }
  });
});
