import { describe, expect, it } from 'vitest';
import { EventHub } from './event-hub.ts';
import type { EngineEvent, EventContent } from './event-types.ts';

const NEVER = new AbortController().signal;

function content(id: string, change: Partial<EventContent> = {}): EventContent {
  return { object: 'container', action: 'created', id, attributes: {}, labels: {}, ...change };
}

async function ids(events: AsyncIterable<EngineEvent>, most: number): Promise<readonly string[]> {
  const seen: string[] = [];
  for await (const { id } of events) {
    seen.push(id);
    if (seen.length === most) break;
  }
  return seen;
}

describe('EventHub', () => {
  it('counts events and gives them times that only grow, between the times that it tells', () => {
    const hub = new EventHub();
    const before = hub.now();
    for (let n = 0; n < 1_000; n++) hub.publish(content(`c${n}`));
    const { events } = hub.history({});
    expect(events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 1));
    const times = [before, ...events.map(({ time }) => time), hub.now()];
    expect(times.filter((time, n) => n > 0 && time <= (times[n - 1] ?? 0n))).toEqual([]);
  });

  it('keeps the last ones and says since when nothing is missing', () => {
    const hub = new EventHub({ kept: 3 });
    const { completeSince: start } = hub.history({});
    for (const id of ['a', 'b', 'c']) hub.publish(content(id));
    expect(hub.history({}).completeSince).toBe(start);
    hub.publish(content('d'));
    hub.publish(content('e'));
    const { events, completeSince } = hub.history({});
    expect(events.map(({ id }) => id)).toEqual(['c', 'd', 'e']);
    expect(completeSince > start && completeSince <= (events[0]?.time ?? 0n)).toBe(true);
  });

  it('leaves no gap between the history and what follows', async () => {
    const hub = new EventHub();
    hub.publish(content('a'));
    const { events } = hub.history({});
    const following = hub.follow({}, NEVER);
    hub.publish(content('b'));
    expect(events.map(({ id }) => id)).toEqual(['a']);
    const seen = ids(following, 2);
    hub.publish(content('c'));
    expect(await seen).toEqual(['b', 'c']);
  });

  it('filters by all that is asked for', () => {
    const hub = new EventHub();
    const pod = { namespace: 'prod', name: 'web', uid: 'u' };
    hub.publish(content('c1', { pod, sandboxId: 's1', containerName: 'app', labels: { tier: 'front' } }));
    hub.publish(content('c2', { pod, sandboxId: 's1', action: 'stopped' }));
    hub.publish(content('s1', { pod, sandboxId: 's1', object: 'sandbox' }));
    hub.publish(content('sha256:1', { object: 'image', action: 'pulled', attributes: { reference: 'app:1' } }));
    const found = (filter: Parameters<EventHub['history']>[0]) => hub.history(filter).events.map(({ id }) => id);
    const second = hub.history({}).events[1]?.time ?? 0n;
    expect(found({ id: 's1' })).toEqual(['c1', 'c2', 's1']);
    expect(found({ id: 's1', objects: ['container'], actions: ['stopped', 'deleted'] })).toEqual(['c2']);
    expect(found({ id: 'app:1' })).toEqual(['sha256:1']);
    expect(found({ podNamespace: 'prod', podName: 'web', objects: [] })).toEqual(['c1', 'c2', 's1']);
    expect(found({ podNamespace: 'test' })).toEqual([]);
    expect(found({ containerName: 'app', labels: { tier: 'front' } })).toEqual(['c1']);
    expect(found({ since: second })).toEqual(['c2', 's1', 'sha256:1']);
    expect(found({ until: second })).toEqual(['c1']);
  });

  it('ends a follower that is too slow, after all that came before', async () => {
    const hub = new EventHub({ pending: 3 });
    const following = hub.follow({}, NEVER);
    for (const id of ['a', 'b', 'c', 'd', 'e']) hub.publish(content(id));
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { id } of following) seen.push(id);
    })();
    await expect(reading).rejects.toMatchObject({ kind: 'resource-exhausted' });
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(hub.history({}).events).toHaveLength(5);
  });

  it('lets a follower go with its signal, and one that reads no more', async () => {
    const hub = new EventHub({ pending: 1 });
    const gone = new AbortController();
    const following = hub.follow({}, gone.signal);
    const reading = ids(following, 9);
    gone.abort(new Error('gone'));
    await expect(reading).rejects.toThrow('gone');
    const short = hub.follow({}, NEVER);
    hub.publish(content('a'));
    expect(await ids(short, 1)).toEqual(['a']);
    for (const id of ['b', 'c', 'd']) hub.publish(content(id));
    await expect(ids(short, 1)).resolves.toEqual([]);
  });
});
