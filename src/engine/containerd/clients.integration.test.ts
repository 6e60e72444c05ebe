import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startContainerd } from '../../../test/integration/containerd.ts';
import type { TestContainerd } from '../../../test/integration/containerd.ts';
import { EngineError, messageOf } from '../errors.ts';
import type { CallTarget } from './call.ts';
import { Channel } from './channel.ts';
import { createClients } from './clients.ts';
import type { Clients } from './clients.ts';
import { openContentWriter, readBlob } from './content.ts';
import { subscribeEvents } from './events.ts';
import { eventTypes } from './generated/containerd.js';
import { acquireLease, LEASE_LABEL } from './leases.ts';
import { ensureNamespace } from './namespace.ts';
import { probeServer } from './probe.ts';

const signal = AbortSignal.timeout(100_000);
const call = { signal };
const NAMESPACE = 'davit-test';
const MIB = 1024 * 1024;

let containerd: TestContainerd;
let channel: Channel;
let clients: Clients;

beforeAll(async () => {
  containerd = await startContainerd();
  channel = new Channel(containerd.address);
  channel.open();
  await channel.waitForReady(signal);
  clients = createClients(targetOf(channel));
  await ensureNamespace(clients, NAMESPACE, call);
});

afterAll(async () => {
  channel.close();
  await containerd[Symbol.asyncDispose]();
});

describe('probeServer()', () => {
  it('answers version, identity, plugins and snapshotters', async () => {
    const facts = await probeServer(clients, call);
    expect(facts.version).toMatch(/^v?\d+\.\d+/);
    expect(facts.uuid).toMatch(/^[0-9a-f-]{36}$/);
    expect(facts.plugins).toContain('io.containerd.grpc.v1/tasks');
    expect(facts.snapshotters.map((snapshotter) => snapshotter.name)).toContain('overlayfs');
    expect(facts.offers.transfer).toBe(facts.plugins.has('io.containerd.grpc.v1/transfer'));
  });
});

describe('ensureNamespace()', () => {
  it('makes the namespace once', async () => {
    await ensureNamespace(clients, 'davit-again', call);
    await ensureNamespace(clients, 'davit-again', call);
    const { namespaces } = await clients.namespaces.list({}, call);
    expect(namespaces.map(({ name }) => name)).toEqual(expect.arrayContaining(['davit-again', NAMESPACE]));
  });
});

describe('translated errors', () => {
  it('name the call and the object of what is not there', async () => {
    const error = await failure(clients.containers.get({ id: 'nobody' }, call));
    expect(error).toMatchObject({ kind: 'not-found' });
    expect(messageOf(error)).toContain('Containers.Get nobody');
  });

  it('say when something is there already', async () => {
    const request = { namespace: { name: NAMESPACE } };
    expect(await failure(clients.namespaces.create(request, call))).toMatchObject({ kind: 'already-exists' });
  });

  it('say what is invalid', async () => {
    const request = { container: { id: 'not/valid', runtime: { name: 'x' } } };
    expect(await failure(clients.containers.create(request, call))).toMatchObject({ kind: 'invalid-argument' });
  });

  it('name the address when nobody is there', async () => {
    const nobody = new Channel('/tmp/davit-no-such.sock');
    const error = await failure(createClients(targetOf(nobody)).version.version({}, call));
    nobody.close();
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(messageOf(error)).toContain('/tmp/davit-no-such.sock');
  });

  it('tell cancel and deadline apart', async () => {
    const cancel = new AbortController();
    const waiting = failure(subscribeOnce(cancel.signal));
    cancel.abort();
    expect(await waiting).toMatchObject({ kind: 'cancelled' });
    const error = await failure(subscribeOnce(AbortSignal.timeout(100)));
    expect(error).toMatchObject({ kind: 'deadline-exceeded' });
    expect(await failure(clients.version.version({}, { signal: cancel.signal }))).toMatchObject({ kind: 'cancelled' });
  });
});

describe('content', () => {
  it('comes back as it was written', async () => {
    const data = randomBytes(3 * MIB);
    const digest = digestOf(data);
    await using lease = await acquireLease(leaseDeps(), { purpose: 'test', expiresInMs: 60_000 }, signal);
    const options = { signal, lease: lease.id };
    await using writer = await openContentWriter(clients.content, { ref: 'a', total: data.length }, options);
    for (let at = 0; at < data.length; at += MIB) await writer.write(data.subarray(at, at + MIB));
    await writer.commit({ size: data.length, digest, labels: { one: '1' } });
    expect((await readBlob(clients.content, digest, data.length, call)).equals(data)).toBe(true);
    const { info } = await clients.content.info({ digest }, call);
    expect([info?.size.toNumber(), info?.labels]).toEqual([data.length, expect.objectContaining({ one: '1' })]);
    await expect(readBlob(clients.content, digest, MIB, call)).rejects.toMatchObject({ kind: 'resource-exhausted' });
  });

  it('is resumed where a writer left off, and restarted on request', async () => {
    const data = randomBytes(2000);
    await using lease = await acquireLease(leaseDeps(), { purpose: 'test', expiresInMs: 60_000 }, signal);
    const options = { signal, lease: lease.id };
    {
      await using first = await openContentWriter(clients.content, { ref: 'resume' }, options);
      await first.write(data.subarray(0, 500));
    }
    await using second = await openEventually({ ref: 'resume' }, options);
    expect(second.offset).toBe(500);
    second.restart();
    await second.write(data);
    await second.commit({ size: data.length, digest: digestOf(data) });
    const again = failure(openContentWriter(clients.content, { ref: 'x', expected: digestOf(data) }, options));
    expect(await again).toMatchObject({ kind: 'already-exists' });
  });

  it('of another digest than announced is refused', async () => {
    await using lease = await acquireLease(leaseDeps(), { purpose: 'test', expiresInMs: 60_000 }, signal);
    await using writer = await openContentWriter(clients.content, { ref: 'bad' }, { signal, lease: lease.id });
    await writer.write(Buffer.from('hello'));
    const digest = digestOf(Buffer.from('other'));
    expect(await failure(writer.commit({ size: 5, digest }))).toBeInstanceOf(EngineError);
  });
});

describe('acquireLease()', () => {
  it('marks the lease and deletes it when disposed', async () => {
    {
      await using lease = await acquireLease(leaseDeps(), { purpose: 'probe', expiresInMs: 60_000 }, signal);
      const { leases } = await clients.leases.list({ filters: [`id==${lease.id}`] }, call);
      expect(leases.map(({ labels }) => labels[LEASE_LABEL])).toEqual(['probe']);
    }
    const { leases } = await clients.leases.list({ filters: [`labels."${LEASE_LABEL}"==probe`] }, call);
    expect(leases).toEqual([]);
  });
});

describe('subscribeEvents()', () => {
  it('gives what happens after it resolved, decoded, and nothing of other namespaces', async () => {
    const events = await subscribeEvents({ clients, namespace: NAMESPACE }, signal);
    const exit = { containerId: 'c', id: 'e', pid: 5, exitStatus: 137, exitedAt: { seconds: 12, nanos: 34 } };
    const foreign = createClients({ ...targetOf(channel), namespace: 'elsewhere' });
    await publish(foreign, '/tasks/exit', 'TaskExit', eventTypes.TaskExit.encode({ containerId: 'not ours' }));
    await publish(clients, '/tasks/exit', 'TaskExit', eventTypes.TaskExit.encode(exit));
    await publish(clients, '/tasks/exit', 'TaskExit', eventTypes.TaskExit.encode({ ...exit, id: 'c' }));
    await publish(clients, '/images/create', 'ImageCreate', eventTypes.TaskOOM.encode({}));
    await publish(clients, '/tasks/oom', 'TaskOOM', eventTypes.TaskOOM.encode({ containerId: 'c' }));
    await publish(clients, '/tasks/start', 'TaskStart', eventTypes.TaskStart.encode({ containerId: 'c' }));
    const seen = [await events.next(), await events.next(), await events.next(), await events.next()];
    await events.return?.();
    const at = expect.any(BigInt);
    const common = { containerId: 'c', pid: 5, exitCode: 137, exitedAt: 12_000_000_034n };
    expect(seen.map(({ value }) => value)).toEqual([
      { type: 'task-exit', at, exit: { ...common, execId: 'e' } },
      { type: 'task-exit', at, exit: { ...common, execId: undefined } },
      { type: 'task-oom', at, containerId: 'c' },
      { type: 'other', at, topic: '/tasks/start' },
    ]);
  });
});

describe('after kill -9 of containerd', () => {
  it('the event stream ends with an error and the same clients work again', async () => {
    const before = await probeServer(clients, call);
    const events = await subscribeEvents({ clients, namespace: NAMESPACE }, signal);
    const next = failure(events.next());
    await containerd.kill();
    expect(await next).toMatchObject({ kind: 'unavailable' });
    expect(await failure(clients.version.version({}, call))).toMatchObject({ kind: 'unavailable' });
    await containerd.start();
    await channel.waitForReady(signal);
    expect((await probeServer(clients, call)).uuid).toBe(before.uuid);
    const again = await subscribeEvents({ clients, namespace: NAMESPACE }, signal);
    await again.return?.();
  });
});

function targetOf(to: Channel): CallTarget {
  return { address: to.address, namespace: NAMESPACE, admission: () => undefined, grpc: () => to.grpc };
}

function leaseDeps(): Parameters<typeof acquireLease>[0] {
  return { clients, logger: { debug: nothing, info: nothing, warn: nothing, error: nothing } };
}

function nothing(): void {
  // the tests look at what containerd has
}

async function publish(by: Clients, topic: string, type: string, writer: { finish(): Uint8Array }): Promise<void> {
  const event = { typeUrl: `containerd.events.${type}`, value: writer.finish() };
  await by.events.publish({ topic, event }, call);
}

async function subscribeOnce(until: AbortSignal): Promise<unknown> {
  const events = await subscribeEvents({ clients, namespace: NAMESPACE }, until);
  return await events.next();
}

/** The store unlocks a ref some time after its writer's call was cancelled. */
async function openEventually(...args: Parameters<typeof openContentWriter> extends [unknown, ...infer R] ? R : never) {
  for (;;) {
    try {
      return await openContentWriter(clients.content, ...args);
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind !== 'unavailable') throw error;
      signal.throwIfAborted();
    }
  }
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

function digestOf(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}
