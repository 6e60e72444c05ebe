import { stat } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { FAKE_URLS, fakeEngine } from './fake-engine.ts';
import { RuntimeService } from './generated/cri.js';
import { createCriServer } from './server.ts';
import { criPaths } from './service.ts';
import { failure, hanging, serve } from './test-server.ts';

const ignore = (): void => undefined;
const QUIET = { isLevelEnabled: () => false, debug: ignore, info: ignore, warn: ignore, error: ignore };
const UNCOUNTED = { callStarted: ignore, callEnded: ignore };

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
    const unary = RuntimeService.checkpointContainer;
    expect(await failure(harness.call(unary, {}))).toEqual({
      code: status.UNIMPLEMENTED,
      details: 'CheckpointContainer is not implemented by davit',
    });
  });

  it('leaves alone a socket that is served', async () => {
    await using first = await serve();
    const options = { socketPath: first.socketPath, version: '1.2.3' };
    const second = createCriServer(options, {
      engine: fakeEngine(),
      streaming: FAKE_URLS,
      log: QUIET,
      metrics: UNCOUNTED,
      around: (_call, run) => run(),
    });
    await expect(second.listen()).rejects.toThrow('another process serves it');
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
