import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../engine/index.ts';
import { ImageService, RuntimeService } from './generated/cri.js';
import { aborted, failure, hanging, serve } from './test-server.ts';

describe('intercept()', () => {
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
