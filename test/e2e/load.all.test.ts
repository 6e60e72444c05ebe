import { beforeAll, describe, expect, it } from 'vitest';
import { BARE } from './support/containers.ts';
import { connectCri } from './support/cri-client.ts';
import { BUSYBOX, mustCrictl, Pod } from './support/node.ts';
import { timed } from './support/timed.ts';

const CONTAINERS = 1_000;
const LONG_MS = 1_200_000;
const DEADLINE_MS = LONG_MS;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

describe('a node of many containers', () => {
  it(
    `lists ${CONTAINERS} containers`,
    async () => {
      using cri = connectCri();
      await using pod = await Pod.run('thousand', BARE);
      const names = Array.from({ length: CONTAINERS }, (_, index) => `c${index}`);
      const ids = await timed(`${CONTAINERS} containers`, () =>
        Promise.all(names.map((name) => cri.createContainer(pod, { name, command: ['sleep', '1'] }))),
      );
      const { containers } = await timed('a list of them', () =>
        cri.call<{ containers: readonly unknown[] }>('ListContainers', { filter: { podSandboxId: pod.id } }),
      );
      expect(containers).toHaveLength(CONTAINERS);
      await timed('their removal', () =>
        Promise.all(
          ids.map((containerId) => cri.call('RemoveContainer', { containerId }, { deadlineMs: DEADLINE_MS })),
        ),
      );
    },
    LONG_MS,
  );
});
