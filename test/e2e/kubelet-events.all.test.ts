import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Kubelet } from './support/kubelet.ts';
import { crictlJson, eventually, restartDavitd } from './support/node.ts';

const START_MS = 240_000;
/** A restart is noticed by an event at once, and by a look at everything only once in five minutes. */
const WITHIN_MS = 100_000;

interface Listed {
  readonly containers: readonly {
    readonly id: string;
    readonly metadata: { readonly name: string; readonly attempt: number };
  }[];
}

async function running(name: string): Promise<Listed['containers'][number] | undefined> {
  const { containers } = await crictlJson<Listed>('ps', '--name', `^${name}$`, '-o', 'json');
  return containers[0];
}

/** Kills the main container; resolves with how many attempts further the next one is. */
async function attemptsAfterKill(): Promise<number> {
  const before = await eventually('a running container', () => running('main'), WITHIN_MS);
  const { info } = await crictlJson<{ info: { pid: number } }>('inspect', before.id);
  process.kill(info.pid, 'SIGKILL');
  const after = await eventually(
    'another attempt of the container',
    async () => {
      const found = await running('main');
      return found?.id === before.id ? undefined : found;
    },
    WITHIN_MS,
  );
  return after.metadata.attempt - before.metadata.attempt;
}

describe('a real kubelet that learns of changes from events', () => {
  let kubelet: Kubelet;

  beforeAll(async () => {
    kubelet = await Kubelet.start('cri', '--events');
  }, START_MS);
  afterAll(async () => {
    await Kubelet.down();
  });

  it('has its pod Ready, over a stream without errors', async () => {
    expect(await kubelet.own('kubelet_evented_pleg_connection_error_count')).toBe(0);
    // Of the sandbox two, of the init container three, of sidecar and main container two each.
    expect(await kubelet.own('kubelet_evented_pleg_connection_latency_seconds_count')).toBeGreaterThanOrEqual(9);
  });

  it('starts again what has ended', async () => {
    expect(await attemptsAfterKill()).toBe(1);
    expect(await kubelet.own('kubelet_evented_pleg_connection_error_count')).toBe(0);
  });

  // A kubelet that finds no stream five times in a row, which a restart is enough for, looks at everything each second.
  it('does so after a restart of davitd, by events or without', { timeout: 2 * WITHIN_MS }, async () => {
    await restartDavitd({ kill: false });
    expect(await attemptsAfterKill()).toBe(1);
  });

  it('removes the pod when it is not wanted any more', async () => {
    await rm(join(kubelet.manifests, 'davit-try.yaml'));
    await eventually(
      'the end of the pod',
      async () => {
        const { items } = await crictlJson<{ items: readonly object[] | null }>('pods', '-o', 'json');
        return (items ?? []).length === 0 ? true : undefined;
      },
      WITHIN_MS,
    );
    expect(await running('main')).toBeUndefined();
  });
});
