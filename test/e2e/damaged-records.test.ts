import { readFile, truncate, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { tracesOf } from './support/kernel.ts';
import { BUSYBOX, Pod, containerStatus, crictlJson, mustCrictl, nodeEnv, restartDavitd } from './support/node.ts';

const TIMEOUT_MS = 120_000;

const recordOf = (kind: 'sandboxes' | 'containers', id: string): string =>
  `/var/lib/davit-${nodeEnv()['DAVIT_NODE']}/davit/${kind}/${id}.json`;

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}

async function podsLabelled(uid: string): Promise<readonly Listed[]> {
  const args = ['pods', '-o', 'json', '--label', `io.kubernetes.pod.uid=${uid}`];
  return (await crictlJson<{ items: readonly Listed[] }>(...args)).items;
}

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

describe('a record that cannot be read', { timeout: TIMEOUT_MS }, () => {
  it('K7, K10: costs its object the state, not davitd the start; the kubelet can end it, and nothing is left', async () => {
    const uid = `uid-damaged-${Date.now()}`;
    const kubernetes = { 'io.kubernetes.pod.name': 'second', 'io.kubernetes.pod.uid': uid };
    const ids: string[] = [];
    {
      await using first = await Pod.run('damaged-1');
      await using second = await Pod.run('damaged-2', { labels: kubernetes });
      const broken = await first.start('broken');
      const whole = await first.start('whole');
      const inSecond = await second.start('main', { labels: kubernetes });
      ids.push(first.id, second.id, broken, whole, inSecond);
      const pidBefore = (await crictlJson<{ info: { pid: number } }>('inspect', whole)).info.pid;

      await truncate(recordOf('containers', broken), 100);
      await writeFile(recordOf('sandboxes', second.id), '\0\0\0');
      await restartDavitd({ kill: true });

      expect((await containerStatus(broken)).state).toBe('CONTAINER_UNKNOWN');
      expect((await crictlJson<{ info: { pid: number } }>('inspect', whole)).info.pid).toBe(pidBefore);
      expect((await containerStatus(inSecond)).state).toBe('CONTAINER_RUNNING');
      expect(await podsLabelled(uid)).toMatchObject([{ id: second.id, state: 'SANDBOX_NOTREADY' }]);
      expect(await readFile(`${recordOf('sandboxes', second.id)}.damaged`, 'utf8')).toBe('\0\0\0');

      await mustCrictl('stop', '--timeout', '2', broken);
      await mustCrictl('rm', broken);
      expect(await tracesOf([broken])).toEqual([]);
      const again = await first.start('again');
      ids.push(again);
      expect((await containerStatus(again)).state).toBe('CONTAINER_RUNNING');
      await restartDavitd({ kill: true });
      expect(await podsLabelled(uid)).toMatchObject([{ id: second.id, state: 'SANDBOX_NOTREADY' }]);
    }
    expect(await tracesOf(ids)).toEqual([]);
  });
});
