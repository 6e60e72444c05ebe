import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReconcileLoop } from './loop.ts';
import type { ReconcileReport } from './loop.ts';
import type { Known, MarkedThing } from './plan.ts';

let things: MarkedThing[];
let known: { -readonly [K in keyof Known]: Known[K] };
let reports: ReconcileReport[];
let lines: string[];
let nowMs: number;
let failures: Map<string, Error>;
let loop: ReconcileLoop<MarkedThing>;

beforeEach(() => {
  things = [];
  known = { ids: new Set(), stopped: new Set(), damaged: new Set(), hasNameless: false };
  reports = [];
  lines = [];
  nowMs = 100_000;
  failures = new Map();
  const log = (_fields: object, message: string): void => void lines.push(message);
  loop = new ReconcileLoop<MarkedThing>({
    settings: () => ({ intervalMs: 1_000_000, graceMs: 1_000 }),
    find: async (_signal, failed) => {
      const error = failures.get('find');
      if (error !== undefined) failed(error);
      return [...things];
    },
    known: () => known,
    remove: async (thing) => {
      const error = failures.get(thing.name);
      if (error !== undefined) throw error;
      things = things.filter((other) => other !== thing);
    },
    swept: async () => undefined,
    report: (report) => void reports.push(report),
    logger: { debug: log, info: log, warn: log, error: log },
    now: () => nowMs,
  });
});

afterEach(() => loop.close());

function add(name: string, more: Partial<MarkedThing> = {}): void {
  things.push({ kind: 'folder', name, owner: name, madeAtMs: 0, ...more });
}

describe('ReconcileLoop', () => {
  it('removes what nobody owns, counts it by kind, and tells of it once', async () => {
    add('a');
    add('b', { kind: 'snapshot' });
    add('owned');
    known.ids = new Set(['owned']);
    await loop.sweep();
    await loop.sweep();
    expect(things.map(({ name }) => name)).toEqual(['owned']);
    expect(reports.map(({ removed }) => removed)).toEqual([['folder', 'snapshot'], []]);
    expect(lines).toHaveLength(2);
  });

  it('goes on past what cannot be removed, tells of it once, and tries again', async () => {
    add('a');
    add('b');
    failures.set('a', new Error('busy'));
    await loop.sweep();
    await loop.sweep();
    expect(reports.map(({ removed, failed }) => [removed, failed])).toEqual([
      [['folder'], ['folder']],
      [[], ['folder']],
    ]);
    expect(lines.filter((line) => line.includes('cannot be removed'))).toHaveLength(1);
    failures.clear();
    await loop.sweep();
    expect(things).toEqual([]);
  });

  it('leaves alone what a damaged record may own, and tells of it once', async () => {
    add('a');
    known.damaged = new Set(['a']);
    await loop.sweep();
    await loop.sweep();
    expect(things).toHaveLength(1);
    expect(reports[1]?.kept).toEqual([{ kind: 'folder', reason: 'damaged-record' }]);
    expect(lines).toHaveLength(1);
  });

  it('waits for the grace period with what was made since the start', async () => {
    loop.start();
    add('young', { madeAtMs: nowMs + 1 });
    things.push({ kind: 'output', name: 'ageless', owner: 'ageless' });
    nowMs += 10;
    await loop.sweep();
    expect(things).toHaveLength(2);
    expect(lines).toEqual([]);
    nowMs += 2_000;
    await loop.sweep();
    expect(things).toEqual([]);
  });

  it('looks at the rest where one kind cannot be looked at', async () => {
    add('a');
    failures.set('find', new Error('containerd is away'));
    await loop.sweep();
    await loop.sweep();
    expect(things).toEqual([]);
    expect(reports.map(({ error }) => error)).toEqual([failures.get('find'), failures.get('find')]);
    expect(lines.filter((line) => line.includes('not everything'))).toHaveLength(1);
  });

  it('counts the age of what does not tell it from when it lost its owner', async () => {
    things.push({ kind: 'shim', name: 'pid 7', owner: 'pod', isInUse: true });
    known.ids = new Set(['pod']);
    known.stopped = new Set(['pod']);
    await loop.sweep();
    nowMs += 10_000;
    things = [{ kind: 'shim', name: 'pid 7', owner: 'pod' }];
    await loop.sweep();
    expect(reports[1]).toMatchObject({ removed: [], kept: [{ kind: 'shim', reason: 'young' }] });
    nowMs += 2_000;
    await loop.sweep();
    expect(things).toEqual([]);
  });
});
