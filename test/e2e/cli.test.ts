import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUSYBOX, Pod, eventually, mustCrictl, nodeEnv } from './support/node.ts';
import { must, run } from './support/run.ts';
import type { Ran } from './support/run.ts';

/** Samples are taken every ten seconds. */
const SAMPLE_WAIT_MS = 60_000;

let pod: Pod;
let id: string;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  pod = await Pod.run('by-davit', { labels: { tool: 'davit' } });
  id = await pod.start('main', { command: ['sh', '-c', 'echo out; echo err >&2; sleep 1000'] });
});
afterAll(async () => {
  await pod[Symbol.asyncDispose]();
});

async function davit(...args: readonly string[]): Promise<Ran> {
  return await run('davit', args, nodeEnv());
}

async function json<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await must('davit', [...args, '-o', 'json'], nodeEnv())) as T;
}

interface Event {
  readonly object: string;
  readonly action: string;
  readonly id: string;
  readonly time: string;
}

describe('davit, where crictl is not there', () => {
  it('lists pods, containers and images, and says all of one', async () => {
    expect((await davit('pods', '--label', 'tool=davit', '-q')).stdout.trim()).toBe(pod.id);
    expect((await json<{ items: { id: string }[] }>('pods', '--label', 'tool=davit')).items[0]?.id).toBe(pod.id);
    expect((await davit('ps', '--pod', pod.id)).stdout).toMatch(/\bRunning +main +0 .*by-davit$/m);
    const { containers } = await json<{ containers: { id: string; state: string }[] }>('ps', '--pod', pod.id);
    expect(containers).toMatchObject([{ id, state: 'CONTAINER_RUNNING' }]);
    const { images } = await json<{ images: { repoTags: string[] }[] }>('images');
    expect(images.flatMap(({ repoTags }) => repoTags)).toContain(BUSYBOX);
    expect(await json('inspect', id)).toMatchObject({
      status: { id },
      info: { info: { pid: expect.any(Number) as number } },
    });
    expect(await json('inspect', pod.id.slice(0, 16))).toMatchObject({ status: { id: pod.id } });
    expect((await json<{ server: { runtimeName: string } }>('version')).server.runtimeName).toBe('davit');
    expect((await davit('info')).stdout).toMatch(/^RuntimeReady +yes/m);
  });

  it('prints logs to the streams that they came from', async () => {
    const { stdout, stderr } = await davit('logs', id);
    expect([stdout, stderr]).toEqual(['out\n', 'err\n']);
  });
});

describe('davit top', () => {
  it('shows the pod, and what its container uses', async () => {
    const text = await eventually(
      'a sample of the container',
      async () => {
        const { stdout } = await davit('top', '--once', '--id', pod.id);
        return /^default\/by-davit .*\n +main +running +0 +\d+m .*[KM]iB/m.test(stdout) ? stdout : undefined;
      },
      SAMPLE_WAIT_MS,
    );
    expect(text).toMatch(/^\d\d:\d\d:\d\d {2}cpu - of \d+ {2}memory .* 1 pod, 1 of 1 containers run$/m);
    const { pods } = await json<{ pods: { id: string; containers: { id: string }[] }[] }>('top', '--once');
    expect(pods.find((each) => each.id === pod.id)?.containers.map((each) => each.id)).toEqual([id]);
  });
});

describe('davit events', () => {
  it('tells what happened to a container, in order, and nothing else when asked so', async () => {
    const extra = await pod.start('short', { command: ['sh', '-c', 'exit 3'] });
    const find = async (): Promise<readonly Event[] | undefined> => {
      const { stdout } = await davit('events', '--id', extra, '-o', 'json');
      const found = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Event);
      return found.some(({ action }) => action === 'stopped') ? found : undefined;
    };
    const events = await eventually('the event of its end', find);
    expect(events.map(({ object, action }) => `${object} ${action}`)).toEqual([
      'container created',
      'container started',
      'container stopped',
    ]);
    const line = (await davit('events', '--pod', 'by-davit', '--container', 'short', '--action', 'stopped')).stdout;
    expect(line).toMatch(/^\S+Z {2}container +stopped +default\/by-davit\/short \w+ .*exit_code=3/);
    expect((await davit('events', '--pod', 'by-davit', '--since', '2020-01-01', '--until', '2020-01-02')).stdout).toBe(
      '',
    );
  });
});

describe('davit doctor', () => {
  it('looks at the host with and without davitd, and its exit code tells errors', async () => {
    const config = `/run/davit-${nodeEnv()['DAVIT_NODE']}/etc/config.toml`;
    const { code, stdout } = await davit('doctor', '--config', config, '-o', 'json');
    const { checks, counts } = JSON.parse(stdout) as {
      checks: { check: string; level: string; found: string }[];
      counts: { error: number };
    };
    expect(checks.filter(({ level }) => level === 'error')).toEqual([]);
    expect([code, counts.error]).toEqual([0, 0]);
    expect(checks).toContainEqual(expect.objectContaining({ check: 'davitd', level: 'ok' }));
    expect(checks.find(({ check }) => check === 'containerd')?.found).toContain('containerd');
    const away = await davit('doctor', '--config', '/no/such/file');
    expect([away.code, away.stderr]).toEqual([1, '']);
    expect(away.stdout).toMatch(/^ERROR +configuration +\/no\/such\/file: cannot be read: ENOENT$/m);
  });
});
