import { describe, expect, it } from 'vitest';
import { signalName, signalNumber } from './signals.ts';

describe('signalName()', () => {
  it.each([
    ['TERM', 'SIGTERM'],
    ['sigterm', 'SIGTERM'],
    ['15', 'SIGTERM'],
    ['SIGRTMIN+3', 'SIGRTMIN+3'],
    ['37', 'SIGRTMIN+3'],
    ['SIGRTMAX', 'SIGRTMIN+30'],
  ])('reads %s as %s', (text, name) => {
    expect(signalName(text)).toBe(name);
  });

  it.each(['', 'SIGNONE', '0', '65', '-1', 'SIGRTMIN+99', 'TERM; rm'])('refuses %j', (text) => {
    expect(() => signalName(text)).toThrow('is not a signal');
  });
});

describe('signalNumber()', () => {
  it('is the inverse of signalName()', () => {
    for (const name of ['SIGTERM', 'SIGHUP', 'SIGRTMIN+3']) expect(signalName(String(signalNumber(name)))).toBe(name);
  });
});
