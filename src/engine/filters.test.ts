import { describe, expect, it } from 'vitest';
import { filterContainers, filterSandboxes, listedState } from './filters.ts';
import { containerRecord, containerSpec, sandboxRecord, sandboxSpec } from './store/test-records.ts';

describe('filterContainers()', () => {
  const green = containerRecord({ spec: containerSpec({ labels: { color: 'green' } }) });
  const running = containerRecord({ state: { phase: 'running', startedAt: 1n, pid: 2 } });
  const starting = containerRecord({ state: { phase: 'starting' } });
  const all = [green, running, starting];

  it('gives everything, as it is, for an empty filter', () => {
    expect(filterContainers(all, { labels: {} })).toBe(all);
  });

  it('selects by id prefix, sandbox, state and labels, all at once', () => {
    expect(filterContainers(all, { id: green.id.slice(0, 12), labels: {} })).toEqual([green]);
    expect(filterContainers(all, { sandboxId: running.sandboxId, labels: {} })).toEqual([running]);
    expect(filterContainers(all, { state: 'running', labels: {} })).toEqual([running]);
    expect(filterContainers(all, { labels: { color: 'green' } })).toEqual([green]);
    expect(filterContainers(all, { state: 'running', labels: { color: 'green' } })).toEqual([]);
  });

  it('takes no inherited property for a label', () => {
    expect(filterContainers(all, { labels: { toString: 'x' } })).toEqual([]);
  });

  it('shows a starting container as created', () => {
    expect(listedState(starting)).toBe('created');
    expect(filterContainers(all, { state: 'created', labels: {} })).toEqual([green, starting]);
  });
});

describe('filterSandboxes()', () => {
  it('selects by state and labels', () => {
    const ready = sandboxRecord();
    const stopped = sandboxRecord({
      state: { phase: 'not-ready', reason: 'stopped', since: 1n },
      spec: sandboxSpec({ labels: { a: 'b' } }),
    });
    expect(filterSandboxes([ready, stopped], { state: 'not-ready', labels: {} })).toEqual([stopped]);
    expect(filterSandboxes([ready, stopped], { labels: { a: 'b' } })).toEqual([stopped]);
    expect(filterSandboxes([ready, stopped], { state: 'ready', labels: { a: 'b' } })).toEqual([]);
  });
});
