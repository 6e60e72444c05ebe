import { describe, expect, it } from 'vitest';
import { CappedOutput } from './capped-output.ts';

const KIB = 1024;

/** Bytes that tell their place: a cut or a swap shows. */
function numbered(length: number, from = 0): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (from + index) % 251));
}

function taken(output: CappedOutput): { readonly stdout: number; readonly stderr: number } {
  return { stdout: output.take('stdout').length, stderr: output.take('stderr').length };
}

describe('CappedOutput', () => {
  it('keeps what fits, byte for byte, and copies it', () => {
    const output = new CappedOutput(4096 * KIB);
    const scratch = Buffer.alloc(64 * KIB);
    for (let at = 0; at < 2048 * KIB; at += scratch.length) {
      numbered(scratch.length, at).copy(scratch);
      output.add('stdout', scratch);
    }
    output.add('stderr', Buffer.from('err'));
    scratch.fill(0);
    expect(output.take('stdout').equals(numbered(2048 * KIB))).toBe(true);
    expect(output.take('stderr').toString()).toBe('err');
  });

  it('is empty where nothing came', () => {
    expect(taken(new CappedOutput(10))).toEqual({ stdout: 0, stderr: 0 });
  });

  it('gives one output all of the room', () => {
    const output = new CappedOutput(1000 * KIB + 1);
    for (let i = 0; i < 20; i++) output.add('stderr', Buffer.alloc(64 * KIB));
    expect(output.received).toBe(20 * 64 * KIB);
    expect(taken(output)).toEqual({ stdout: 0, stderr: 1000 * KIB + 1 });
  });

  it.each([
    ['one after the other', (n: number) => (n < 20 ? 'stdout' : 'stderr')],
    ['in turns', (n: number) => (n % 2 === 0 ? 'stdout' : 'stderr')],
  ] as const)('gives two long outputs half of the room each, when they come %s', (_how, nameOf) => {
    const output = new CappedOutput(640 * KIB);
    for (let n = 0; n < 40; n++) output.add(nameOf(n), Buffer.alloc(64 * KIB));
    expect(taken(output)).toEqual({ stdout: 320 * KIB, stderr: 320 * KIB });
  });

  it('gives a long output what a short one leaves', () => {
    const output = new CappedOutput(640 * KIB);
    for (let n = 0; n < 20; n++) output.add('stdout', Buffer.alloc(64 * KIB));
    output.add('stderr', Buffer.alloc(10 * KIB));
    expect(taken(output)).toEqual({ stdout: 630 * KIB, stderr: 10 * KIB });
  });

  it('never has a gap: what was cut stays cut', () => {
    const output = new CappedOutput(100);
    output.add('stdout', numbered(100));
    output.add('stderr', numbered(30));
    output.add('stdout', Buffer.alloc(10, 255));
    expect(output.take('stdout').equals(numbered(70))).toBe(true);
    expect(output.take('stderr').equals(numbered(30))).toBe(true);
  });

  it('never keeps more than the room', () => {
    const output = new CappedOutput(101);
    for (let n = 1; n < 40; n++) output.add(n % 3 === 0 ? 'stderr' : 'stdout', numbered(n));
    const { stdout, stderr } = taken(output);
    expect(stdout + stderr).toBeLessThanOrEqual(101);
    expect(Math.min(stdout, stderr)).toBeGreaterThanOrEqual(50);
  });
});
