import { describe, expect, it } from 'vitest';
import { connectPort } from './connect-port.ts';
import { testEngine } from './test-engine.ts';
import { sandboxRecord, sandboxSpec } from '../store/test-records.ts';

const NEVER = new AbortController().signal;

describe('connectPort()', () => {
  it("connects in the pod's network namespace, or the node's", async () => {
    await using engine = await testEngine();
    const own = sandboxRecord({ namespaces: { network: '/ns/net' } });
    const metadata = { ...own.spec.metadata, uid: 'other' };
    const spec = sandboxSpec({ metadata, namespaces: { ...own.spec.namespaces, network: 'node' } });
    const node = sandboxRecord({ spec });
    await engine.store.sandboxes.insert(own);
    await engine.store.sandboxes.insert(node);
    (await connectPort(engine.deps, own.id, 80, NEVER)).destroy();
    (await connectPort(engine.deps, node.id, 81, NEVER)).destroy();
    expect(engine.podPorts.connected).toEqual([{ netns: '/ns/net', port: 80 }, { port: 81 }]);
  });

  it('refuses a pod that is not ready, is being stopped, or has lost its network', async () => {
    await using engine = await testEngine();
    const record = sandboxRecord({ namespaces: { network: '/ns/net' } });
    await engine.store.sandboxes.insert(record);
    engine.deps.stopping.add(record.id);
    await expect(connectPort(engine.deps, record.id, 80, NEVER)).rejects.toThrow('is stopping');
    engine.deps.stopping.delete(record.id);
    await engine.store.sandboxes.update(record.id, (current) => ({ ...current, namespaces: {} }));
    await expect(connectPort(engine.deps, record.id, 80, NEVER)).rejects.toMatchObject({ kind: 'failed-precondition' });
    await expect(connectPort(engine.deps, 'f'.repeat(64), 80, NEVER)).rejects.toMatchObject({ kind: 'not-found' });
    expect(engine.podPorts.connected).toEqual([]);
  });
});
