import { describe, expect, it } from 'vitest';
import { ORPHAN_KINDS, planReconcile } from './plan.ts';
import type { Known, MarkedThing } from './plan.ts';

const NOBODY: Known = { ids: new Set(), stopped: new Set(), damaged: new Set(), hasNameless: false };
const OPTIONS = { oldBeforeMs: 1_000, orphanSinceMs: () => 0 };

function thing(more: Partial<MarkedThing> = {}): MarkedThing {
  return { kind: 'snapshot', name: 'it', owner: 'c1', sandbox: 's1', madeAtMs: 0, ...more };
}

function verdict(known: Partial<Known>, more: Partial<MarkedThing> = {}, options = OPTIONS): string {
  const [orphan] = planReconcile({ ...NOBODY, ...known }, [thing(more)], options);
  return orphan === undefined ? 'owned' : (orphan.kept ?? 'removed');
}

describe('planReconcile()', () => {
  it.each([
    ['what a record owns', { ids: new Set(['c1']) }, {}, 'owned'],
    ['what no record owns', {}, {}, 'removed'],
    ['what only the sandbox of its container is known of', { ids: new Set(['s1']) }, {}, 'removed'],
    ['what a damaged record may own', { damaged: new Set(['c1']) }, {}, 'damaged-record'],
    ['what is in a sandbox of a damaged record', { damaged: new Set(['s1']) }, {}, 'damaged-record'],
    ['what another damaged record is of', { damaged: new Set(['c2']) }, {}, 'removed'],
    ['anything, while a damaged record does not say whose it is', { hasNameless: true }, {}, 'damaged-record'],
    ['what was made just now', {}, { madeAtMs: 1_000 }, 'young'],
    ['what is in use', {}, { isInUse: true }, 'owned'],
    ['the shim of a pod that is ready', { ids: new Set(['c1']) }, { kind: 'shim' }, 'owned'],
    ['the shim of a stopped pod', { ids: new Set(['c1']), stopped: new Set(['c1']) }, { kind: 'shim' }, 'removed'],
    [
      'the shim of a stopped pod that has tasks',
      { ids: new Set(['c1']), stopped: new Set(['c1']) },
      { kind: 'shim', isInUse: true },
      'owned',
    ],
    ['the files of a stopped pod', { ids: new Set(['c1']), stopped: new Set(['c1']) }, { kind: 'folder' }, 'owned'],
    ['a half-made record that nobody works on', { ids: new Set(['c1']) }, { kind: 'record' }, 'removed'],
    ['a lease of nobody', {}, { kind: 'lease', owner: '' }, 'removed'],
  ] as const)('says of %s: %4$s', (_what, known, more, expected) => {
    expect(verdict(known, more)).toBe(expected);
  });

  it('counts from when it was first without an owner, where it does not tell its age', () => {
    const ageless: MarkedThing = { kind: 'output', name: 'it', owner: 'c1' };
    const seen = (since: number): unknown =>
      planReconcile(NOBODY, [ageless], { ...OPTIONS, orphanSinceMs: () => since })[0]?.kept;
    expect(seen(999)).toBeUndefined();
    expect(seen(1_000)).toBe('young');
  });

  it('removes what uses something before that', () => {
    const things = ORPHAN_KINDS.toReversed().map((kind) => thing({ kind }));
    const order = planReconcile(NOBODY, things, OPTIONS).map((orphan) => orphan.thing.kind);
    expect(order).toEqual(ORPHAN_KINDS);
  });
});
