import { describe, expect, it } from 'vitest';
import { checkMemory } from './check-memory.ts';

const LEAST = { minMemoryBytes: 4096 };

describe('checkMemory()', () => {
  it('names the field of a limit below the least', () => {
    expect(() => checkMemory('linux', { memoryLimitBytes: 4095 }, LEAST)).toThrow(
      expect.objectContaining({
        kind: 'invalid-argument',
        message: expect.stringMatching(/^linux\.memory_limit_in_bytes: 4095 .*4096/) as string,
      }),
    );
  });

  it('takes the least, no limit, and anything where there is no least', () => {
    expect(() => checkMemory('linux', { memoryLimitBytes: 4096 }, LEAST)).not.toThrow();
    expect(() => checkMemory('linux', { memoryLimitBytes: 0 }, LEAST)).not.toThrow();
    expect(() => checkMemory('linux', {}, LEAST)).not.toThrow();
    expect(() => checkMemory('linux', { memoryLimitBytes: 1 }, { minMemoryBytes: 0 })).not.toThrow();
  });
});
