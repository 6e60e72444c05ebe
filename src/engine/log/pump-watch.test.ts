import { describe, expect, it } from 'vitest';
import { TestLogger } from './pump-fixture.ts';
import type { LoopSample } from './pump-process.ts';
import { PumpWatch, WATCH_TIMES } from './pump-watch.ts';

const PID = 42;
const HOUR_MS = 3_600_000;

/** A watch over a pump that is what the fields say; its ticks come when the test says. */
class Watched {
  state = 'S';
  /** Processor time that it uses in each tick. */
  usesMs = 0;
  waitsIn = '';
  holder: number | undefined = PID;
  answers = true;
  readonly hung: number[] = [];
  readonly logger = new TestLogger();
  readonly watch = new PumpWatch({
    logger: this.logger,
    times: WATCH_TIMES,
    holder: () => this.holder,
    sample: () => this.#sample(),
    ask: () => this.#ask(),
    problem: () => 'it cannot be started',
    hung: (pid) => this.hung.push(pid),
  });
  #cpuMs = 0;
  #answer: PromiseWithResolvers<void> | undefined;

  async pass(milliseconds: number): Promise<void> {
    for (let ms = 0; ms < milliseconds; ms += WATCH_TIMES.tickMs) {
      this.#cpuMs += this.usesMs;
      if (this.answers) this.#answer?.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      this.watch.tick();
    }
  }

  #ask(): Promise<void> {
    this.#answer = Promise.withResolvers();
    return this.#answer.promise;
  }

  #sample(): LoopSample {
    return { state: this.state, cpuMs: this.#cpuMs, waitsIn: this.waitsIn };
  }
}

/** A pump that has answered up to now, and does not any more. */
async function silent(now: Partial<Pick<Watched, 'state' | 'usesMs' | 'waitsIn'>>): Promise<Watched> {
  const pump = new Watched();
  await pump.pass(10 * WATCH_TIMES.tickMs);
  expect(pump.watch.health).toEqual({ silentMs: 0, replacements: 0 });
  return Object.assign(pump, { answers: false }, now);
}

describe('PumpWatch', () => {
  it('leaves one alone that answers, whatever it is at', async () => {
    const pump = new Watched();
    for (const state of ['R', 'S', 'D']) await Object.assign(pump, { state, usesMs: 2000 }).pass(HOUR_MS);
    expect(pump.hung).toEqual([]);
    expect(pump.logger.lines).toEqual([]);
  });

  it('takes one for hanging that is stopped', async () => {
    for (const state of ['T', 't']) {
      const pump = await silent({ state });
      await pump.pass(WATCH_TIMES.stoppedMs + WATCH_TIMES.tickMs);
      expect(pump.hung).toEqual([PID]);
      expect(pump.logger.lines.join('\n')).toMatch(/error: davit-pump hangs .*has stopped it/);
    }
  });

  it('takes one for hanging that sleeps through being asked', async () => {
    const pump = await silent({ state: 'S' });
    await pump.pass(WATCH_TIMES.asleepMs - 2 * WATCH_TIMES.tickMs);
    expect(pump.hung).toEqual([]);
    await pump.pass(4 * WATCH_TIMES.tickMs);
    expect(pump.hung).toEqual([PID]);
  });

  it('takes one for hanging that computes without end', async () => {
    const pump = await silent({ state: 'R', usesMs: WATCH_TIMES.tickMs });
    await pump.pass(WATCH_TIMES.busyMs - 2 * WATCH_TIMES.tickMs);
    expect(pump.hung).toEqual([]);
    await pump.pass(4 * WATCH_TIMES.tickMs);
    expect(pump.hung).toEqual([PID]);
  });

  it('leaves one alone that waits for a disk or a processor, and tells of it', async () => {
    const slow = [
      { state: 'D', usesMs: 0, waitsIn: 'balance_dirty_pages' },
      { state: 'R', usesMs: 20, waitsIn: '' },
      { state: 'S', usesMs: 10, waitsIn: '' },
    ];
    for (const kind of slow) {
      const pump = await silent(kind);
      await pump.pass(20 * 60_000);
      expect(pump.hung).toEqual([]);
      expect(pump.watch.health.problem).toMatch(new RegExp(`has not answered .*pid 42, state ${kind.state}`));
      expect(pump.watch.health.problem?.includes(', in ')).toBe(kind.waitsIn !== '');
      expect(pump.logger.lines.length).toBeLessThan(30);
      await Object.assign(pump, { answers: true }).pass(2 * WATCH_TIMES.tickMs);
      expect(pump.watch.health).toEqual({ silentMs: 0, replacements: 0 });
      expect(pump.logger.lines.at(-1)).toContain('info: davit-pump answers again');
    }
  });

  it('begins anew with each answer', async () => {
    const pump = await silent({ state: 'T' });
    for (let n = 0; n < 100; n++) {
      await Object.assign(pump, { answers: n % 2 === 0 }).pass(WATCH_TIMES.stoppedMs - WATCH_TIMES.tickMs);
    }
    expect(pump.hung).toEqual([]);
  });

  it('replaces those that hang again and again at ever longer intervals', async () => {
    const pump = await silent({ state: 'T' });
    await pump.pass(HOUR_MS);
    expect(pump.hung.length).toBe(7); // after 6 s, then 1, 2, 4, 8, 16 and 16 minutes
    expect(pump.watch.health.replacements).toBe(7);
    pump.answers = true;
    await pump.pass(3 * WATCH_TIMES.lastPauseMs);
    pump.answers = false;
    await pump.pass(WATCH_TIMES.firstPauseMs);
    expect(pump.hung.length).toBe(8);
  });

  it('says why there is none to be asked', async () => {
    const pump = await silent({});
    await Object.assign(pump, { holder: undefined }).pass(WATCH_TIMES.noticeMs);
    expect(pump.watch.health).toEqual({
      silentMs: WATCH_TIMES.noticeMs,
      replacements: 0,
      problem: 'it cannot be started',
    });
    await pump.pass(HOUR_MS);
    expect(pump.hung).toEqual([]);
  });
});
