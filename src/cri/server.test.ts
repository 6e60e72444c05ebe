import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, status } from '@grpc/grpc-js';
import type { CallOptions, ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../engine/index.ts';
import type { ContainerSpec, Engine, PullRequest, SandboxSpec } from '../engine/index.ts';
import { aContainer, aContainerId, anImage, aSandbox, aSandboxId, fakeEngine } from './fake-engine.ts';
import { ContainerState, ImageService, NamespaceMode, PodSandboxState, RuntimeService } from './generated/cri.js';
import type { $Method } from './generated/cri.js';
import { createCriServer } from './server.ts';
import type { CriServer } from './server.ts';
import { criPaths } from './service.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A server on a socket of its own, a client, and what was logged and counted. */
class Harness implements AsyncDisposable {
  readonly server: CriServer;
  readonly socketPath: string;
  readonly lines: Line[] = [];
  readonly counted: string[] = [];
  readonly client: Client;

  constructor(engine: Engine, drainMs = 5_000) {
    this.socketPath = join(directory, 'davit.sock');
    const log = (level: string) => (fields: object, message: string) =>
      void this.lines.push({ level, message, fields: { ...fields } });
    this.server = createCriServer(
      { socketPath: this.socketPath, version: '1.2.3', drainMs },
      {
        engine,
        log: {
          isLevelEnabled: () => true,
          debug: log('debug'),
          info: log('info'),
          warn: log('warn'),
          error: log('error'),
        },
        metrics: {
          callStarted: (_service, method) => void this.counted.push(`${method} started`),
          callEnded: ({ method, code }) => void this.counted.push(`${method} ${code}`),
        },
      },
    );
    this.client = new Client(`unix:${this.socketPath}`, credentials.createInsecure());
  }

  call<IReq, Req, IRes, Res>(
    method: $Method<IReq, Req, IRes, Res, false, false>,
    request: IReq,
    options: CallOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<Res> {
    const { promise, resolve, reject } = Promise.withResolvers<Res>();
    const { path, requestSerialize, responseDeserialize } = method;
    const call = this.client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      options,
      (error, value) => {
        if (error === null && value !== undefined) resolve(value);
        else reject(error ?? new Error('no value'));
      },
    );
    options.signal?.addEventListener('abort', () => call.cancel());
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.server.close(AbortSignal.abort());
  }
}

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dvc'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function serve(verbs: Partial<Engine> = {}, drainMs?: number): Promise<Harness> {
  const harness = new Harness(fakeEngine(verbs), drainMs);
  await harness.server.listen();
  return harness;
}

async function failure(call: Promise<unknown>): Promise<{ readonly code: status; readonly details: string }> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason as ServiceError,
  );
  if (error === undefined) throw new Error('the call succeeded');
  return { code: error.code, details: error.details };
}

/** Resolves with the signal of the call that came in, and never answers it until the signal aborts. */
function hanging() {
  const { promise: entered, resolve } = Promise.withResolvers<AbortSignal>();
  const verb = (_id: string, signal: AbortSignal): Promise<void> => {
    resolve(signal);
    const { promise, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    return promise;
  };
  return { entered, verb };
}

function aborted(signal: AbortSignal): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  return signal.aborted ? Promise.resolve(signal.reason) : promise;
}

describe('createCriServer()', () => {
  it('makes a socket that only root and its group may use', async () => {
    await using harness = await serve();
    expect((await stat(harness.socketPath)).mode & 0o777).toBe(0o660);
  });

  it('answers Version', async () => {
    await using harness = await serve();
    expect(await harness.call(RuntimeService.version, {})).toMatchObject({
      version: '0.1.0',
      runtimeName: 'davit',
      runtimeVersion: '1.2.3',
      runtimeApiVersion: 'v1',
    });
  });

  it('registers all 43 methods, and names those that are not built', async () => {
    await using harness = await serve();
    expect(criPaths()).toHaveLength(43);
    const unary = RuntimeService.listMetricDescriptors;
    expect(await failure(harness.call(unary, {}))).toEqual({
      code: status.UNIMPLEMENTED,
      details: 'ListMetricDescriptors is not implemented by davit',
    });
    const { path, requestSerialize, responseDeserialize } = RuntimeService.getContainerEvents;
    const stream = harness.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {});
    const { promise, resolve } = Promise.withResolvers<ServiceError>();
    stream.on('error', (error: ServiceError) => resolve(error));
    expect(await promise).toMatchObject({
      code: status.UNIMPLEMENTED,
      details: 'GetContainerEvents is not implemented by davit',
    });
  });

  it('refuses a socket that is served and takes over one that is not', async () => {
    await using first = await serve();
    const second = new Harness(fakeEngine());
    await expect(second.server.listen()).rejects.toThrow('another process serves it');
    second.client.close();
    expect(await first.call(RuntimeService.version, {})).toMatchObject({ runtimeName: 'davit' });
  });

  it('removes its socket when it closes', async () => {
    const harness = await serve();
    await harness[Symbol.asyncDispose]();
    await expect(stat(harness.socketPath)).rejects.toThrow('ENOENT');
  });
});

describe('close()', () => {
  it('lets running calls end and takes no new ones', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const startContainer = async (): Promise<void> => {
      enter();
      await gate;
    };
    await using harness = await serve({ startContainer });
    const running = harness.call(RuntimeService.startContainer, { containerId: 'a' });
    await entered;
    expect(harness.server.inFlight).toBe(1);
    const closed = harness.server.close();
    expect((await failure(harness.call(RuntimeService.version, {}))).code).toBe(status.UNAVAILABLE);
    open();
    await expect(running).resolves.toBeDefined();
    await closed;
    expect(harness.server.inFlight).toBe(0);
  });

  it('aborts what still runs when the time is up, and says why', async () => {
    const { entered, verb } = hanging();
    await using harness = await serve({ startContainer: verb }, 20);
    const running = failure(harness.call(RuntimeService.startContainer, { containerId: 'a' }));
    const signal = await entered;
    await harness.server.close();
    expect(signal.aborted).toBe(true);
    expect(await running).toEqual({
      code: status.UNAVAILABLE,
      details: 'davitd is stopping; ask again once it is back',
    });
  });
});

describe('the interceptor', () => {
  it('lets Version, Status and ImageFsInfo pass before the engine is ready; the others wait', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    await using harness = await serve({ ready: () => gate });
    await harness.call(RuntimeService.version, {});
    await harness.call(RuntimeService.status, {});
    await harness.call(ImageService.imageFsInfo, {});
    const waiting = harness.call(RuntimeService.listContainers, {});
    await harness.call(RuntimeService.version, {});
    expect(harness.counted.filter((entry) => entry.startsWith('ListContainers'))).toEqual(['ListContainers started']);
    open();
    expect((await waiting).containers).toEqual([]);
  });

  it("turns the caller's deadline into an abort", async () => {
    const { entered, verb } = hanging();
    await using harness = await serve({ startContainer: verb });
    const call = harness.call(RuntimeService.startContainer, { containerId: 'a' }, { deadline: Date.now() + 300 });
    const failed = failure(call);
    const reason = await aborted(await entered);
    expect(reason).toMatchObject({ kind: 'deadline-exceeded' });
    expect((await failed).code).toBe(status.DEADLINE_EXCEEDED);
    await harness.call(RuntimeService.version, {});
    expect(harness.counted).toContain('StartContainer DEADLINE_EXCEEDED');
  });

  it("turns the caller's cancel into an abort", async () => {
    const { entered, verb } = hanging();
    await using harness = await serve({ startContainer: verb });
    const abort = new AbortController();
    const failed = failure(harness.call(RuntimeService.startContainer, { containerId: 'a' }, { signal: abort.signal }));
    const signal = await entered;
    abort.abort();
    expect(await aborted(signal)).toMatchObject({ kind: 'cancelled' });
    expect((await failed).code).toBe(status.CANCELLED);
    await harness.call(RuntimeService.version, {});
    expect(harness.counted).toContain('StartContainer CANCELLED');
  });

  it('does not abort a call that has been answered', async () => {
    let seen: AbortSignal | undefined;
    const startContainer = (_id: string, signal: AbortSignal): Promise<void> => {
      seen = signal;
      return Promise.resolve();
    };
    await using harness = await serve({ startContainer });
    await harness.call(RuntimeService.startContainer, { containerId: 'a' });
    await harness.call(RuntimeService.version, {});
    expect(seen?.aborted).toBe(false);
  });

  it("translates the engine's errors", async () => {
    await using harness = await serve({
      getContainer: () => {
        throw new EngineError('not-found', 'no such container: abc');
      },
      pullImage: () =>
        Promise.reject(new EngineError('unavailable', 'connection refused', { reason: 'RegistryUnavailable' })),
      listContainers: () => {
        throw new TypeError('a bug');
      },
    });
    expect(await failure(harness.call(RuntimeService.containerStatus, { containerId: 'abc' }))).toEqual({
      code: status.NOT_FOUND,
      details: 'no such container: abc',
    });
    expect(await failure(harness.call(ImageService.pullImage, { image: { image: 'a' } }))).toEqual({
      code: status.UNKNOWN,
      details: 'RegistryUnavailable: connection refused',
    });
    expect(await failure(harness.call(RuntimeService.listContainers, {}))).toEqual({
      code: status.UNKNOWN,
      details: 'a bug',
    });
    const levels = harness.lines.map(({ level, message }) => `${level} ${message}`);
    expect(levels).toEqual(['debug ContainerStatus', 'warn PullImage', 'error ListContainers']);
    expect(harness.lines[1]?.fields).toMatchObject({ error: 'connection refused' });
    expect(harness.lines[2]?.fields['err']).toBeInstanceOf(TypeError);
  });

  it('refuses bytes that are no request, and counts it', async () => {
    await using harness = await serve();
    const { path, responseDeserialize } = RuntimeService.stopPodSandbox;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    harness.client.makeUnaryRequest(
      path,
      (bytes: Buffer) => bytes,
      responseDeserialize,
      Buffer.from([0x0a, 0xff]),
      resolve,
    );
    expect(await promise).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('cannot be decoded'),
    });
    expect(harness.counted).toContain('StopPodSandbox INVALID_ARGUMENT');
  });

  it('logs what a change was about, and no secret', async () => {
    await using harness = await serve({
      pullImage: () => Promise.resolve('sha256:1'),
      runSandbox: () => Promise.resolve('id-1'),
    });
    const metadata = { name: 'web', uid: 'u', namespace: 'prod', attempt: 0 };
    const auth = { username: 'user', password: 'hunter2', auth: 'hunter2', identityToken: 'hunter2' };
    await harness.call(ImageService.pullImage, { image: { image: 'app:1' }, auth, sandboxConfig: { metadata } });
    await harness.call(RuntimeService.runPodSandbox, { config: { metadata } });
    expect(harness.lines).toMatchObject([
      {
        level: 'info',
        message: 'PullImage',
        fields: { pod: 'prod/web', image: 'app:1', imageId: 'sha256:1', code: 'OK' },
      },
      { level: 'info', message: 'RunPodSandbox', fields: { pod: 'prod/web', sandbox: 'id-1', code: 'OK', call: 2 } },
    ]);
    expect(JSON.stringify(harness.lines)).not.toContain('hunter2');
  });
});

describe('the handlers', () => {
  const metadata = { name: 'web', uid: 'u', namespace: 'prod', attempt: 0 };

  it('run a pod and a container in it', async () => {
    const seen: { sandbox?: SandboxSpec; container?: ContainerSpec; at?: string } = {};
    const calls: string[] = [];
    const note = (verb: string) => (id: string) => {
      calls.push(`${verb} ${id}`);
      return Promise.resolve();
    };
    await using harness = await serve({
      runSandbox: (sandbox) => {
        seen.sandbox = sandbox;
        return Promise.resolve(aSandboxId(1));
      },
      getSandbox: () => aSandbox(1),
      createContainer: (at, container) => {
        Object.assign(seen, { container, at });
        return Promise.resolve(aContainerId(1));
      },
      startContainer: note('start'),
      stopContainer: (id, grace) => note(`stop(${grace})`)(id),
      removeContainer: note('remove'),
      stopSandbox: note('stop pod'),
      removeSandbox: note('remove pod'),
      reopenContainerLog: note('reopen'),
    });
    const { podSandboxId } = await harness.call(RuntimeService.runPodSandbox, { config: { metadata } });
    expect(podSandboxId).toBe(aSandboxId(1));
    expect(seen.sandbox?.metadata).toEqual(metadata);
    const config = { metadata: { name: 'c', attempt: 0 }, image: { image: 'app:1' } };
    // A prefix is good enough: the engine is given the whole id.
    const { containerId } = await harness.call(RuntimeService.createContainer, { podSandboxId: '555', config });
    expect(containerId).toBe(aContainerId(1));
    expect(seen.at).toBe(aSandboxId(1));
    expect(seen.container?.image.image).toBe('app:1');
    await harness.call(RuntimeService.startContainer, { containerId: 'c1' });
    await harness.call(RuntimeService.reopenContainerLog, { containerId: 'c1' });
    await harness.call(RuntimeService.stopContainer, { containerId: 'c1', timeout: 30 });
    await harness.call(RuntimeService.removeContainer, { containerId: 'c1' });
    await harness.call(RuntimeService.stopPodSandbox, { podSandboxId: 's1' });
    await harness.call(RuntimeService.removePodSandbox, { podSandboxId: 's1' });
    expect(calls).toEqual(['start c1', 'reopen c1', 'stop(30) c1', 'remove c1', 'stop pod s1', 'remove pod s1']);
  });

  it('refuse by name what is not carried out, before the engine is asked', async () => {
    await using harness = await serve({ getSandbox: () => aSandbox(1) });
    const config = { metadata: { name: 'c' }, image: { image: 'a' }, CDIDevices: [{ name: 'x' }] };
    expect(await failure(harness.call(RuntimeService.createContainer, { podSandboxId: 's', config }))).toEqual({
      code: status.INVALID_ARGUMENT,
      details: 'config.CDI_devices: is not supported: CDI devices are not carried out',
    });
    expect((await failure(harness.call(RuntimeService.stopContainer, { containerId: 'c', timeout: -1 }))).details).toBe(
      'timeout: must not be negative, got -1',
    );
    expect((await failure(harness.call(RuntimeService.stopPodSandbox, {}))).details).toBe(
      'pod_sandbox_id: is required',
    );
  });

  it('list and show pods and containers', async () => {
    const filters: unknown[] = [];
    await using harness = await serve({
      listSandboxes: (filter) => {
        filters.push(filter);
        return [aSandbox(1), aSandbox(2)];
      },
      listContainers: (filter) => {
        filters.push(filter);
        return [aContainer(1, { state: { phase: 'running', pid: 9, startedAt: 1n } })];
      },
      getSandbox: () => aSandbox(1),
      getContainer: () => aContainer(1),
      inspectSandbox: () => Promise.resolve({ pid: 5, runtimeSpec: { hostname: 'x' } }),
      inspectContainer: (id) => Promise.resolve({ pid: 7, sandboxID: id }),
    });
    const pods = await harness.call(RuntimeService.listPodSandbox, {
      filter: { state: { state: PodSandboxState.SANDBOX_READY } },
    });
    expect(pods.items.map(({ id }) => id)).toEqual([aSandboxId(1), aSandboxId(2)]);
    const list = await harness.call(RuntimeService.listContainers, { filter: { labelSelector: { a: 'b' } } });
    expect(list.containers).toMatchObject([{ id: aContainerId(1), state: ContainerState.CONTAINER_RUNNING }]);
    expect(filters).toEqual([{ state: 'ready', labels: {} }, { labels: { a: 'b' } }]);
    const pod = await harness.call(RuntimeService.podSandboxStatus, { podSandboxId: '5', verbose: true });
    expect(JSON.parse(pod.info['info'] ?? '')).toEqual({ pid: 5, runtimeSpec: { hostname: 'x' } });
    expect(pod.status?.linux?.namespaces?.options?.pid).toBe(NamespaceMode.CONTAINER);
    const container = await harness.call(RuntimeService.containerStatus, { containerId: 'c', verbose: true });
    expect(JSON.parse(container.info['info'] ?? '')).toEqual({ pid: 7, sandboxID: aContainerId(1) });
    const quiet = await harness.call(RuntimeService.containerStatus, { containerId: 'c' });
    expect(quiet.info).toEqual({});
  });

  it('show images', async () => {
    const removed: string[] = [];
    const pulls: PullRequest[] = [];
    await using harness = await serve({
      listImages: () => [anImage(1), anImage(2)],
      getImage: (name) => (name === 'app:1' ? anImage(1) : undefined),
      removeImage: (name) => {
        removed.push(name);
        return Promise.resolve();
      },
      pullImage: (request) => {
        pulls.push(request);
        return Promise.resolve('sha256:1');
      },
    });
    expect((await harness.call(ImageService.listImages, {})).images.map(({ id }) => id)).toEqual([
      anImage(1).id,
      anImage(2).id,
    ]);
    expect((await harness.call(ImageService.imageStatus, { image: { image: 'none' } })).image).toBeNull();
    const shown = await harness.call(ImageService.imageStatus, { image: { image: 'app:1' }, verbose: true });
    expect(shown.image?.repoTags).toEqual(anImage(1).repoTags);
    expect(JSON.parse(shown.info['info'] ?? '')).toMatchObject({ imageSpec: { config: { Cmd: ['/pause'] } } });
    expect((await harness.call(ImageService.pullImage, { image: { image: 'app:1' } })).imageRef).toBe('sha256:1');
    await harness.call(ImageService.removeImage, { image: { image: 'app:1' } });
    expect({ removed, pulls }).toEqual({ removed: ['app:1'], pulls: [{ image: 'app:1' }] });
  });

  it('show the node', async () => {
    await using harness = await serve({
      status: () => ({
        conditions: [
          { type: 'RuntimeReady', ready: true, reason: '', message: '' },
          { type: 'NetworkReady', ready: false, reason: 'R', message: 'm' },
        ],
        handlers: [{ name: 'runc', recursiveReadOnlyMounts: true, userNamespaces: false }],
        supplementalGroupsPolicy: true,
      }),
      info: () => ({ config: { root: '/x' }, big: 5n }),
      cgroupDriver: () => 'systemd',
      imageFsInfo: () => ({
        imageFilesystems: [{ mountpoint: '/x', usedBytes: 1, inodesUsed: 2, timestamp: 3n }],
        containerFilesystems: [],
      }),
    });
    const shown = await harness.call(RuntimeService.status, { verbose: true });
    expect(shown.status?.conditions).toMatchObject([
      { type: 'RuntimeReady', status: true },
      { type: 'NetworkReady', status: false, reason: 'R' },
    ]);
    expect(shown.features).toMatchObject({ supplementalGroupsPolicy: true, mountOptions: false });
    expect(shown.runtimeHandlers[0]).toMatchObject({ name: 'runc', features: { recursiveReadOnlyMounts: true } });
    expect(shown.info).toEqual({ config: '{"root":"/x"}', big: '"5"' });
    expect((await harness.call(RuntimeService.status, {})).info).toEqual({});
    expect((await harness.call(RuntimeService.runtimeConfig, {})).linux?.cgroupDriver).toBe(0);
    expect((await harness.call(ImageService.imageFsInfo, {})).imageFilesystems).toHaveLength(1);
  });

  it("take the node's pod ranges, also none", async () => {
    const seen: unknown[] = [];
    await using harness = await serve({ setPodCidrs: (cidrs) => void seen.push(cidrs) });
    const update = (podCidr: string) =>
      harness.call(RuntimeService.updateRuntimeConfig, { runtimeConfig: { networkConfig: { podCidr } } });
    await harness.call(RuntimeService.updateRuntimeConfig, {});
    await update('');
    await update('10.1.0.0/24,fd00::/64');
    expect(seen).toEqual([[], [], ['10.1.0.0/24', 'fd00::/64']]);
    expect(await failure(update('10.1.0.0/33'))).toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});
