import { describe, expect, it } from 'vitest';
import { pluginError } from './plugin-error.ts';

const subject = { verb: 'ADD', type: 'bridge', network: 'net' } as const;
const end = { code: 1, signal: null, stdout: '', stderr: '' };

describe('pluginError()', () => {
  it('tells what the plugin reported', () => {
    const stdout = '{"cniVersion":"1.0.0","code":11,"msg":"no address left","details":"range full"}';
    const error = pluginError(subject, { ...end, stdout });
    expect(error.message).toBe(
      'CNI plugin "bridge" (ADD, network "net") failed: no address left: range full (CNI error 11)',
    );
    expect(error.kind).toBe('unavailable');
  });

  it.each([
    [7, 'failed-precondition'],
    [50, 'unavailable'],
    [999, 'internal'],
  ])('maps code %i to %s', (code, kind) => {
    expect(pluginError(subject, { ...end, stdout: JSON.stringify({ code, msg: 'x' }) }).kind).toBe(kind);
  });

  it('falls back to stderr and the way it ended', () => {
    expect(pluginError(subject, { ...end, code: 127, stderr: 'not found\n' }).message).toMatch(
      /exited with 127: not found$/,
    );
    expect(pluginError(subject, { ...end, code: null, signal: 'SIGSEGV', stdout: 'junk' }).message).toMatch(
      /killed by SIGSEGV and said nothing$/,
    );
  });
});
