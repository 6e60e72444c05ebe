import { describe, expect, it } from 'vitest';
import type { StreamName } from './line-formatter.ts';
import { contentOf, randomBytes, seeded, type Random } from './test-lines.ts';
import { Crash, TestWorld } from './test-world.ts';
import { Transcript, type TranscriptParts } from './transcript.ts';
import { Workspace } from './workspace.ts';

/** Thousands of lives; on a busy machine they take their time. */
const SLOW_MS = 60_000;
const MAX_LINE = 64;
const PIECE_LIMIT = 3000;

/** What the container does next: writes, rests, or has its log rotated. */
type Event =
  | { readonly kind: 'write'; readonly stream: StreamName; readonly bytes: Buffer }
  | { readonly kind: 'rest' }
  | { readonly kind: 'rotate' };

const workspace = new Workspace();

function story(random: Random, length: number): readonly Event[] {
  return Array.from({ length }, () => {
    const dice = random(10);
    if (dice === 0) return { kind: 'rotate' };
    if (dice < 4) return { kind: 'rest' };
    const bytes = randomBytes(random, 1 + random(PIECE_LIMIT), 2 + random(100));
    return { kind: 'write', stream: random(3) === 0 ? 'stderr' : 'stdout', bytes };
  });
}

function written(events: readonly Event[], stream: StreamName): Buffer {
  return Buffer.concat(
    events.map((event) => (event.kind === 'write' && event.stream === stream ? event.bytes : Buffer.alloc(0))),
  );
}

function partsOf({ journals, progress }: TestWorld): TranscriptParts {
  return { journals, progress, workspace, maxLine: MAX_LINE };
}

/** Lives the story through; a crash anywhere is followed by a new transcript that goes on from what the world has. */
class Life {
  readonly world = new TestWorld();
  crashes = 0;
  transcript: Transcript;
  readonly #afterCrash: () => void;
  readonly #parts = partsOf(this.world);

  constructor(crashAt: number, afterCrash: (world: TestWorld) => void = () => undefined) {
    this.#afterCrash = () => afterCrash(this.world);
    this.transcript = Transcript.begin(this.#parts, this.world.logs[0]);
    this.world.fate.crashAt = this.world.fate.moments + crashAt;
  }

  live(events: readonly Event[]): void {
    for (const event of events) {
      if (event.kind === 'write') this.world.journals[event.stream].take(event.bytes);
      const log = event.kind === 'rotate' ? this.world.newLog() : undefined;
      this.#untilDone(() => {
        if (log !== undefined) this.transcript.continueIn(log);
        else if (event.kind === 'write') this.transcript.drain(event.stream, false);
        else for (const stream of ['stdout', 'stderr'] as const) this.transcript.rest(stream);
      });
    }
    this.#untilDone(() => {
      for (const stream of ['stdout', 'stderr'] as const) this.transcript.drain(stream, true);
    });
  }

  #untilDone(work: () => void): void {
    for (;;) {
      try {
        if (this.transcript.uncertain) this.transcript.reconcile();
        return work();
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        this.crashes++;
        this.#afterCrash();
        this.transcript = Transcript.resume(this.#parts, this.world.progress.load());
        const log = this.world.savedLog;
        if (log !== undefined) this.transcript.attach(log);
      }
    }
  }
}

function expectWhole(life: Life, events: readonly Event[]): void {
  const { content } = life.world;
  const lines = content.toString('latin1').split('\n').slice(0, -1);
  for (const stream of ['stdout', 'stderr'] as const) {
    const expected = written(events, stream);
    expect(contentOf(content, stream).equals(expected)).toBe(true);
    expect(life.transcript.positions[stream]).toMatchObject({
      bytes: expected.length,
      lines: lines.filter((line) => line.includes(` ${stream} `)).length,
    });
  }
  expect(life.transcript.pending).toBe(0);
}

describe('Transcript', { timeout: SLOW_MS }, () => {
  it('loses and doubles nothing, wherever the process dies', () => {
    const events = story(seeded(1), 40);
    const undisturbed = new Life(Infinity);
    undisturbed.live(events);
    expectWhole(undisturbed, events);
    const moments = undisturbed.world.fate.moments;
    expect(moments).toBeGreaterThan(200);
    for (let crashAt = 1; crashAt < moments; crashAt++) {
      const life = new Life(crashAt);
      life.live(events);
      expectWhole(life, events);
    }
  });

  it('loses and doubles nothing when it dies again and again, also while it recovers', () => {
    const random = seeded(2);
    for (let round = 0; round < 60; round++) {
      const events = story(random, 30);
      const life = new Life(1 + random(20), (world) => {
        world.fate.crashAt = world.fate.moments + 1 + random(30);
      });
      life.live(events);
      expectWhole(life, events);
      expect(life.crashes).toBeGreaterThan(3);
    }
  });

  it('goes on after writes that the disk took only a part of', () => {
    const random = seeded(3);
    let failures = 0;
    for (let round = 0; round < 100; round++) {
      const events = story(random, 20);
      const life = new Life(Infinity);
      for (const event of events) {
        const log = life.world.logs.at(-1);
        if (log !== undefined && random(2) === 0) log.roomLeft = random(200);
        if (livedAtOnce(life, event)) continue;
        failures++;
        life.live([]);
      }
      life.live([]);
      expectWhole(life, events);
    }
    expect(failures).toBeGreaterThan(100);
  });

  it('leaves what the log held before alone', () => {
    const world = new TestWorld();
    const [log] = world.logs;
    log?.append(Buffer.from('before'), 6);
    const transcript = Transcript.begin(partsOf(world), log);
    world.journals.stdout.take(Buffer.from('a\n'));
    transcript.drain('stdout', false);
    expect(world.content.toString()).toMatch(/^before\S+Z stdout F a\n$/);
  });

  it('gives the memory of a line that never ends back', () => {
    const life = new Life(Infinity);
    const events: Event[] = Array.from({ length: 100 }, () => ({
      kind: 'write',
      stream: 'stdout',
      bytes: Buffer.alloc(PIECE_LIMIT, 'x'),
    }));
    life.live(events);
    expect(life.world.journalMemory).toBeLessThanOrEqual(MAX_LINE);
    expectWhole(life, events);
  });

  it('empties a journal that rests', () => {
    const life = new Life(Infinity);
    life.live([{ kind: 'write', stream: 'stdout', bytes: Buffer.from(`${'x'.repeat(9999)}\n`) }, { kind: 'rest' }]);
    expect(life.world.journals.stdout.size).toBe(0);
  });

  it('counts and drops the bytes of a container without a log', () => {
    const world = new TestWorld();
    const transcript = Transcript.begin(partsOf(world), undefined);
    world.journals.stdout.take(Buffer.from('a\nb'));
    transcript.drain('stdout', false);
    expect(transcript.positions.stdout).toEqual({ offset: 3, bytes: 3, lines: 0 });
  });

  it('goes on in the log alone after its progress was lost, without what the journal held', () => {
    const world = new TestWorld();
    world.journals.stdout.take(Buffer.from('lost\n'));
    const transcript = Transcript.resume(partsOf(world), undefined);
    const [log] = world.logs;
    if (log !== undefined) transcript.continueIn(log);
    transcript.reconcile();
    world.journals.stdout.take(Buffer.from('kept\n'));
    transcript.drain('stdout', false);
    expect(contentOf(world.content, 'stdout').toString()).toBe('kept\n');
  });
});

/** False when a write failed for want of room. */
function livedAtOnce(life: Life, event: Event): boolean {
  try {
    life.live([event]);
    return true;
  } catch (error) {
    if (error instanceof Error && error.message === 'ENOSPC') return false;
    throw error;
  }
}
