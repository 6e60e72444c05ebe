import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineError } from '../errors.ts';
import { PullProgress } from './pull-progress.ts';

const TIMEOUT_MS = 300_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

function progress(): PullProgress {
  return new PullProgress({ reference: 'example.com/a:1', timeoutMs: TIMEOUT_MS, now: () => performance.now() });
}

describe('PullProgress', () => {
  it('aborts when no byte comes, and says how far it was', () => {
    using pull = progress();
    pull.expect(9, 8.6e9);
    pull.layerDone('a', 1e9);
    pull.layerDone('b', 1e9);
    pull.layerDone('c', 0.1e9);
    pull.at('d', 1e9);
    void pull.network(() => new Promise(() => undefined));
    vi.advanceTimersByTime(TIMEOUT_MS + TIMEOUT_MS / 10);
    expect(pull.signal.reason).toBeInstanceOf(EngineError);
    expect(pull.signal.reason).toMatchObject({
      kind: 'deadline-exceeded',
      message: 'pull of example.com/a:1 stalled at 3.1/8.6 GB, layer 4/9, last byte 5m ago',
    });
  });

  it('does not count time in which nothing is waited for', async () => {
    using pull = progress();
    await pull.network(() => Promise.resolve());
    vi.advanceTimersByTime(10 * TIMEOUT_MS);
    expect(pull.signal.aborted).toBe(false);
    void pull.network(() => new Promise(() => undefined));
    vi.advanceTimersByTime(TIMEOUT_MS / 2);
    expect(pull.signal.aborted).toBe(false);
  });

  it('goes on as long as bytes come, from whichever layer', () => {
    using pull = progress();
    pull.expect(2, 100);
    for (const digest of ['a', 'b']) void pull.network(() => new Promise(() => digest));
    for (let bytes = 0; bytes < 50; bytes++) {
      vi.advanceTimersByTime(TIMEOUT_MS / 2);
      pull.at('a', bytes);
    }
    expect(pull.signal.aborted).toBe(false);
    expect(String(pull)).toBe('49/100 B, layer 1/2');
  });
});
