import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startContainerd } from '../../../test/integration/containerd.ts';
import type { TestContainerd } from '../../../test/integration/containerd.ts';
import { Channel } from '../containerd/channel.ts';
import { createClients } from '../containerd/clients.ts';
import type { Clients } from '../containerd/clients.ts';
import { ensureNamespace } from '../containerd/namespace.ts';
import { createLayerService } from './index.ts';
import type { LayerService, RootRequest } from './index.ts';

const signal = AbortSignal.timeout(50_000);
const call = { signal };
const SNAPSHOTTER = 'overlayfs';

let containerd: TestContainerd;
let channel: Channel;
let clients: Clients;
let layers: LayerService;

beforeAll(async () => {
  containerd = await startContainerd();
  channel = new Channel(containerd.address);
  channel.open();
  await channel.waitForReady(signal);
  const target = {
    address: containerd.address,
    namespace: 'layers',
    admission: () => undefined,
    grpc: () => channel.grpc,
  };
  clients = createClients(target);
  await ensureNamespace(clients, 'layers', call);
  layers = createLayerService({ root: '/fixture', clients });
  // Two committed snapshots stand for unpacked images.
  for (const name of ['one', 'two']) {
    const labels = { 'containerd.io/gc.root': 'test' };
    await clients.snapshots.prepare({ snapshotter: SNAPSHOTTER, key: `${name}-active`, labels }, call);
    await clients.snapshots.commit({ snapshotter: SNAPSHOTTER, key: `${name}-active`, name, labels }, call);
  }
});

afterAll(async () => {
  channel.close();
  await containerd[Symbol.asyncDispose]();
});

function root(key: string, parent = 'one'): RootRequest {
  return { key, snapshotter: SNAPSHOTTER, parent, labels: { 'davit.pod-uid': 'u-1' } };
}

async function collectGarbage(): Promise<void> {
  await clients.leases.create({ id: 'collect' }, call);
  await clients.leases.delete({ id: 'collect', sync: true }, call);
}

describe('prepareRoot()', () => {
  it('makes a root that no garbage collection takes, with the labels it was given', async () => {
    const mounts = await layers.prepareRoot(root('a'), signal);
    expect(mounts).toMatchObject([{ type: 'overlay', source: 'overlay' }]);
    expect(mounts[0]?.options.some((option) => option.startsWith('upperdir='))).toBe(true);
    await collectGarbage();
    expect(await layers.mountsOf('a', SNAPSHOTTER, signal)).toEqual(mounts);
    const { info } = await clients.snapshots.stat({ snapshotter: SNAPSHOTTER, key: 'a' }, call);
    expect(info?.labels).toMatchObject({ 'davit.pod-uid': 'u-1' });
    expect(info?.parent).toBe('one');
  });

  it('takes a root that is there already, on the same image only', async () => {
    const mounts = await layers.prepareRoot(root('b'), signal);
    expect(await layers.prepareRoot(root('b'), signal)).toEqual(mounts);
    await expect(layers.prepareRoot(root('b', 'two'), signal)).rejects.toMatchObject({ kind: 'already-exists' });
  });

  it('is not-found on layers that are not unpacked', async () => {
    await expect(layers.prepareRoot(root('c', 'none'), signal)).rejects.toMatchObject({ kind: 'not-found' });
    expect(await layers.committed('none', SNAPSHOTTER, signal)).toBe(false);
    expect(await layers.committed('one', SNAPSHOTTER, signal)).toBe(true);
  });
});

describe('removeRoot()', () => {
  it('removes a root, and what is not there', async () => {
    await layers.prepareRoot(root('d'), signal);
    await layers.removeRoot('d', SNAPSHOTTER, signal);
    await layers.removeRoot('d', SNAPSHOTTER, signal);
    await expect(layers.mountsOf('d', SNAPSHOTTER, signal)).rejects.toMatchObject({ kind: 'not-found' });
  });
});
