import { describe, expect, it } from 'vitest';
import { Signal } from '../generated/cri.js';
import { fromStopSignal, toStopSignal } from './signals.ts';

describe('toStopSignal()', () => {
  it.each([
    [Signal.SIGNAL_SIGTERM, 'SIGTERM'],
    [Signal.SIGNAL_SIGRTMIN, 'SIGRTMIN'],
    [Signal.SIGNAL_SIGRTMINPLUS3, 'SIGRTMIN+3'],
    [Signal.SIGNAL_SIGRTMAXMINUS14, 'SIGRTMAX-14'],
  ])('names %i %s, and back', (signal, name) => {
    expect(toStopSignal('f', signal)).toBe(name);
    expect(fromStopSignal(name)).toBe(signal);
  });

  it('leaves the default to the image', () => expect(toStopSignal('f', Signal.SIGNAL_RUNTIME_DEFAULT)).toBeUndefined());

  it('refuses numbers that name nothing', () =>
    expect(() => toStopSignal('f', JSON.parse('200'))).toThrow('f: there is no signal 200'));
});

describe('fromStopSignal()', () => {
  it.each(['SIGFOO', '', 'toString', '1'])('has no name for %j', (name) => {
    expect(fromStopSignal(name)).toBe(Signal.SIGNAL_RUNTIME_DEFAULT);
  });
});
