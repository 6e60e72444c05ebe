import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, status } from '@grpc/grpc-js';
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../engine/index.ts';
import type { Engine, EngineEvent, EventFilter } from '../engine/index.ts';
import { aContainer, aContainerId, aSandbox, aSandboxId, fakeEngine } from '../cri/fake-engine.ts';
import { Admin } from './generated/admin.js';
import { Health, HealthCheckResponse } from './generated/health.js';
import type { HealthSource } from './health.ts';
import { createAdminServer } from './server.ts';

const ignore = (): void => undefined;
const { ServingStatus } = HealthCheckResponse;

interface AnyMethod<IReq, Res> {
  readonly path: string;
  readonly requestSerialize: (value: IReq) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Res;
}

async function serve(verbs: Partial<Engine>, health: HealthSource = SERVING, dump = '{}') {
  const folder = await mkdtemp(join(tmpdir(), 'dva'));
  const socketPath = join(folder, 'a.sock');
  const server = createAdminServer(socketPath, {
    engine: fakeEngine(verbs),
    health,
    dump: () => dump,
    reload: () => Promise.resolve({ outcome: 'applied', applied: ['log_level'], needRestart: ['root'], problems: [] }),
    log: { isLevelEnabled: () => false, debug: ignore, info: ignore, warn: ignore, error: ignore },
    metrics: { callStarted: ignore, callEnded: ignore },
    around: (_call, run) => run(),
  });
  await server.listen();
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure());
  return {
    server,
    socketPath,
    call: <IReq, Res>(method: AnyMethod<IReq, Res>, request: IReq): Promise<Res> =>
      new Promise((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = method;
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, value) =>
          value === undefined ? reject(error ?? new Error('no value')) : resolve(value),
        );
      }),
    stream: <IReq, Res>({ path, requestSerialize, responseDeserialize }: AnyMethod<IReq, Res>, request: IReq) =>
      client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request),
    [Symbol.asyncDispose]: async () => {
      client.close();
      await server.close(AbortSignal.abort());
      await rm(folder, { recursive: true });
    },
  };
}

const SERVING: HealthSource = {
  isServing: true,
  async *watch() {
    yield true;
  },
};

async function collect<T>(stream: ClientReadableStream<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item as T);
  return all;
}

function anEvent(n: number): EngineEvent {
  return {
    sequence: n,
    time: 1_760_000_000_000_000_000n + BigInt(n),
    object: 'container',
    action: 'stopped',
    id: aContainerId(n),
    sandboxId: aSandboxId(1),
    pod: { namespace: 'default', name: 'web', uid: 'u' },
    containerName: 'app',
    attempt: 2,
    attributes: { exit_code: '1' },
    labels: { tier: 'front' },
  };
}

async function* endless(signal: AbortSignal): AsyncIterable<EngineEvent> {
  yield anEvent(1_201);
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  if (signal.aborted) throw signal.reason;
  await promise;
}

describe('createAdminServer()', () => {
  it("makes a socket that is root's alone", async () => {
    await using admin = await serve({});
    expect((await stat(admin.socketPath)).mode & 0o777).toBe(0o600);
  });

  it('gives the whole history in parts, in order', async () => {
    const asked: EventFilter[] = [];
    const events = Array.from({ length: 1_200 }, (_, n) => anEvent(n + 1));
    await using admin = await serve({
      events: (filter) => {
        asked.push(filter);
        return { completeSince: 7n, events };
      },
    });
    const request = { since: 5, objects: ['container'], id: 'abc', podName: 'web', labels: { a: 'b' } };
    const parts = await collect(admin.stream(Admin.events, request));
    expect(parts[0]?.completeSince.toString()).toBe('7');
    expect(parts.flatMap((part) => part.events.map(({ sequence }) => sequence.toNumber()))).toEqual(
      events.map(({ sequence }) => sequence),
    );
    expect(parts[0]?.events[0]).toMatchObject({
      object: 'container',
      action: 'stopped',
      sandboxId: aSandboxId(1),
      podNamespace: 'default',
      containerName: 'app',
      attempt: 2,
      attributes: { exit_code: '1' },
      labels: { tier: 'front' },
    });
    expect(asked).toEqual([
      { since: 5n, objects: ['container'], actions: [], id: 'abc', podName: 'web', labels: { a: 'b' } },
    ]);
  });

  it('follows until the time that was asked for', async () => {
    await using admin = await serve({
      events: () => ({ completeSince: 1n, events: [anEvent(1)] }),
      followEvents: (_filter, signal) => endless(signal),
    });
    const parts = await collect(admin.stream(Admin.events, { follow: true, until: 2 }));
    expect(parts.map((part) => part.events.length)).toEqual([1, 1]);
  });

  it('tells a follower that was too slow', async () => {
    await using admin = await serve({
      events: () => ({ completeSince: 1n, events: [] }),
      followEvents: async function* () {
        yield anEvent(1);
        throw new EngineError('resource-exhausted', 'too slow');
      },
    });
    const reading = collect(admin.stream(Admin.events, { follow: true }));
    const error = await reading.then(ignore, (reason: unknown) => reason as ServiceError);
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it('shows what pods use, with the containers that do not run', async () => {
    const sandbox = aSandbox(1, { network: { ips: ['10.0.0.1'] } });
    const running = aContainer(1, {
      state: { phase: 'running', startedAt: 5n, pid: 2 },
      resources: { cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryLimitBytes: 4_096 },
    });
    const exited = aContainer(2, {
      state: { phase: 'exited', finishedAt: 9n, exitCode: 3, reason: 'Error', message: '' },
    });
    await using admin = await serve({
      listContainers: () => [running, exited],
      listSandboxStats: () =>
        Promise.resolve([
          {
            sandbox,
            cgroupPath: '/p',
            processes: 3,
            containers: [
              {
                container: running,
                cgroupPath: '/c',
                processes: 2,
                usage: { timestamp: 11n, nanoCores: 250_000_000, cpu: { usageNanos: 1_000 }, hugepages: [] },
              },
            ],
          },
        ]),
    });
    const { pods, node } = await admin.call(Admin.top, { podNamespace: 'default' });
    expect(node?.cpus).toBeGreaterThan(0);
    expect(node?.memoryAvailableBytes.toNumber()).toBeLessThanOrEqual(node?.memoryBytes.toNumber() ?? 0);
    expect(pods).toHaveLength(1);
    expect(pods[0]).toMatchObject({ namespace: 'default', name: 'pod-1', state: 'ready', ips: ['10.0.0.1'] });
    const [first, second] = pods[0]?.containers ?? [];
    expect(first?.usage?.cpuNanoCores?.toNumber()).toBe(250_000_000);
    expect(first?.usage?.cpuLimitNanoCores?.toNumber()).toBe(500_000_000);
    expect(first?.usage?.memoryLimitBytes?.toNumber()).toBe(4_096);
    expect(first?.usage?.memoryWorkingSetBytes).toBeNull();
    expect([second?.state, second?.exitCode, second?.usage?.time]).toEqual(['exited', 3, null]);
    expect((await admin.call(Admin.top, { podNamespace: 'other' })).pods).toEqual([]);
  });

  it('shows the pulls that are under way', async () => {
    const work = { reference: 'a.example/b:1', startedAtMs: 1_000, waiters: 2, receivedBytes: 3, doneLayers: 0 };
    await using admin = await serve({
      imageWork: () => [
        { ...work, lastByteAtMs: 2_000 },
        { ...work, lastByteAtMs: 2_000, totalBytes: 10, totalLayers: 4 },
      ],
    });
    const { pulls } = await admin.call(Admin.imageWork, {});
    expect(pulls[0]).toMatchObject({ reference: 'a.example/b:1', waiters: 2, totalBytes: null, totalLayers: null });
    expect(pulls[0]?.lastByteAt.toString()).toBe('2000000000');
    expect([pulls[1]?.totalBytes?.toNumber(), pulls[1]?.totalLayers]).toEqual([10, 4]);
  });

  it('has the configuration read again', async () => {
    await using admin = await serve({});
    expect(await admin.call(Admin.reload, {})).toMatchObject({
      outcome: 'applied',
      applied: ['log_level'],
      needRestart: ['root'],
      problems: [],
    });
  });

  it('dumps in parts', async () => {
    const dump = JSON.stringify({ text: 'ä'.repeat(400_000) });
    await using admin = await serve({}, SERVING, dump);
    const parts = await collect(admin.stream(Admin.dump, {}));
    expect(parts.length).toBeGreaterThan(2);
    expect(Buffer.concat(parts.map(({ data }) => data)).toString()).toBe(dump);
  });
});

describe('the health service', () => {
  it('says whether each service is served', async () => {
    await using admin = await serve({}, { ...SERVING, isServing: false });
    expect((await admin.call(Health.check, {})).status).toBe(ServingStatus.NOT_SERVING);
    const { statuses } = await admin.call(Health.list, {});
    expect(Object.keys(statuses).toSorted()).toEqual([
      '',
      'davit.admin.v1.Admin',
      'runtime.v1.ImageService',
      'runtime.v1.RuntimeService',
    ]);
    const error = await admin.call(Health.check, { service: 'x' }).then(ignore, (reason: unknown) => reason);
    expect(error).toMatchObject({ code: status.NOT_FOUND });
  });

  it('tells of changes', async () => {
    await using admin = await serve(
      {},
      {
        isServing: true,
        async *watch() {
          yield true;
          yield false;
        },
      },
    );
    const seen = await collect(admin.stream(Health.watch, { service: 'runtime.v1.RuntimeService' }));
    expect(seen.map((part) => part.status)).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
  });

  it('knows nothing of other services, and says so once', async () => {
    await using admin = await serve({});
    const stream = admin.stream(Health.watch, { service: 'x' });
    stream.on('error', ignore);
    const first = await new Promise<HealthCheckResponse>((resolve) => stream.once('data', resolve));
    expect(first.status).toBe(ServingStatus.SERVICE_UNKNOWN);
    stream.cancel();
  });
});
