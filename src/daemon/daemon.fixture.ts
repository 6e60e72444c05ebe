import { defaultConfig } from '../config/index.ts';
import { aContainer, aSandbox, fakeEngine } from '../cri/fake-engine.ts';
import { createCallContext, createLogger } from '../telemetry/index.ts';
import { runDaemon } from './run.ts';

/** davitd on an engine without a node under it: `daemon.fixture.ts FOLDER ready|failing|slow`. */

const [folder = '', mode = ''] = process.argv.slice(2);
const environment = { ...aContainer(1).spec, env: [['TOKEN', 'hunter2']] as const };
let isReady = false;

const engine = fakeEngine({
  listSandboxes: () => [aSandbox(1)],
  listContainers: () => [aContainer(1, { spec: environment })],
  isReady: () => isReady,
  ready: () => (isReady ? Promise.resolve() : new Promise(() => undefined)),
});

async function start(signal: AbortSignal): Promise<void> {
  if (mode === 'failing') throw new Error('no containerd here');
  if (mode === 'slow') {
    const { promise, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    return promise;
  }
  isReady = true;
}

const config = { ...defaultConfig(), listen: `unix://${folder}/s`, state: folder, metricsAddress: '127.0.0.1:0' };
const calls = createCallContext();
const logger = createLogger({ level: 'info', context: calls.fields });
process.exit(
  await runDaemon(config, {
    logger,
    calls,
    readConfig: () => ({ config, problems: [], files: [] }),
    createEngine: () =>
      Promise.resolve({
        engine,
        start,
        reload: () => Promise.resolve([]),
        close: () => {
          logger.info('engine closed');
          return Promise.resolve();
        },
      }),
  }),
);
