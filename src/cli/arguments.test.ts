import { describe, expect, it } from 'vitest';
import { parseCommandLine } from './arguments.ts';
import type { Command } from './command.ts';
import { UsageError } from './errors.ts';

const one: Command = {
  name: 'one',
  words: ['ID'],
  doc: '',
  options: {
    quiet: { type: 'boolean', short: 'q', doc: '' },
    tail: { type: 'string', doc: '' },
    label: { type: 'string', multiple: true, doc: '' },
  },
  run: async () => undefined,
};
const many: Command = { ...one, name: 'many', words: ['ID...'], options: {} };

describe('parseCommandLine()', () => {
  it('finds command, words and options in any order', () => {
    const { command, words, options } = parse('--socket', '/one', '-o', 'json', 'one', '-q', 'abc', '--tail=3');
    expect(command?.name).toBe('one');
    expect(words).toEqual(['abc']);
    expect(options.text('socket')).toBe('/one');
    expect(options.text('output')).toBe('json');
    expect(options.flag('quiet')).toBe(true);
    expect(options.count('tail')).toBe(3);
  });

  it('reads pairs', () => {
    expect(parse('one', 'x', '--label', 'a=b', '--label=c=d=e').options.pairs('label')).toEqual({ a: 'b', c: 'd=e' });
    expect(() => parse('one', 'x', '--label', 'a').options.pairs('label')).toThrow(
      '--label must be KEY=VALUE, got "a"',
    );
  });

  it('has no command where only help is asked for, and needs no words with it', () => {
    expect(parse('--help').command).toBeUndefined();
    expect(parse('one', '-h').options.flag('help')).toBe(true);
  });

  it.each([
    [['nope'], 'there is no command nope'],
    [['one'], 'ID is missing; usage: davit one ID'],
    [['one', 'a', 'b'], '"b" is one word too many; usage: davit one ID'],
    [['many'], 'ID is missing; usage: davit many ID...'],
    [['many', 'a', '--tail', '3'], "Unknown option '--tail'"],
    [['one', 'a', '--tail'], "Option '--tail <value>' argument missing"],
    [['--nope'], "Unknown option '--nope'"],
  ])('refuses %j', (argv, message) => {
    expect(() => parse(...argv)).toThrow(UsageError);
    expect(() => parse(...argv)).toThrow(message);
  });

  it.each(['-1', '1.5', 'x', '', '99999999999999999999'])('takes no %j for a count', (text) => {
    expect(() => parse('one', 'x', `--tail=${text}`).options.count('tail')).toThrow('--tail must be a whole number');
  });
});

function parse(...argv: readonly string[]) {
  return parseCommandLine([one, many], argv);
}
