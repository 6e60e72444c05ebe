import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { ContainerSpec, PullRequest, SandboxSpec } from '../engine/index.ts';
import { aContainer, aContainerId, anImage, aSandbox, aSandboxId, FAKE_URLS, fakeEngine } from './fake-engine.ts';
import { ContainerState, ImageService, NamespaceMode, PodSandboxState, RuntimeService } from './generated/cri.js';
import { FIELDS } from './convert/fields.ts';
import { rpcName } from '../rpc/index.ts';
import { criHandlers, criPaths } from './service.ts';
import { failure, serve } from './test-server.ts';

describe('criHandlers()', () => {
  const paths = criHandlers(fakeEngine(), FAKE_URLS, '0').map(({ path }) => path);

  it('builds methods of the interface, each once', () => {
    expect(paths.filter((path) => !criPaths().includes(path))).toEqual([]);
    expect(new Set(paths).size).toBe(paths.length);
  });

  it('is what fields.ts has rules for, no more and no less', () => {
    expect(paths.map(rpcName).toSorted()).toEqual(Object.keys(FIELDS).toSorted());
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
        userNamespacesHostNetwork: true,
        mountOptions: true,
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
    expect(shown.features).toMatchObject({
      supplementalGroupsPolicy: true,
      userNamespacesHostNetwork: true,
      mountOptions: true,
    });
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
