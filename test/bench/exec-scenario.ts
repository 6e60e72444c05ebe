import { execByCrictl, execStream } from './exec-stream.ts';
import { containerReady, createContainer, runPod, startContainer } from './pods.ts';
import type { Container } from './pods.ts';
import type { Scenario } from './scenario.ts';
import type { SideName } from './side.ts';

const MIB = 1024 * 1024;
/** What a command writes or reads: enough for its start to weigh little. */
const STREAM_BYTES = 64 * MIB;
const WRITE = `dd if=/dev/zero bs=1M count=${STREAM_BYTES / MIB}`;
/** It fails unless all of it has come. */
const READ = `sh -c '[ $(wc -c) -eq ${STREAM_BYTES} ]'`;

/** Commands by stream, in a container that runs for as long as the scenario does. */
export function execScenario(turns: number): Scenario {
  const containers = new Map<SideName, Container>();
  return {
    name: 'commands by stream',
    measures: ['execStream', 'execStdout', 'execStdin'],
    async setUp(side) {
      const { reply: pod } = await runPod(side, 'host');
      const { reply: container } = await createContainer(side, pod, 'only', 'host');
      await startContainer(side, container);
      await containerReady(container);
      containers.set(side.name, container);
    },
    async round(side, record) {
      const container = containers.get(side.name);
      if (container === undefined) throw new Error(`${side.name} has no container to run commands in`);
      for (let turn = 0; turn < turns; turn += 1) {
        record('execStream', await execStream(side, container, ['true']));
        record('execStdout', megabytesPerSecond(await execByCrictl(side, container, WRITE)));
        record('execStdin', megabytesPerSecond(await execByCrictl(side, container, READ, STREAM_BYTES)));
      }
    },
  };
}

function megabytesPerSecond(ms: number): number {
  return STREAM_BYTES / 1e6 / (ms / 1000);
}
