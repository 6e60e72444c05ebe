import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Kubelet, kubeletTraces } from './support/kubelet.ts';
import type { KubeletContainer, PodSummary } from './support/kubelet.ts';
import { crictlJson, eventually, mustCrictl, nodeEnv, restartDavitd } from './support/node.ts';

const POD = 'davit-try';
const LIMIT_BYTES = 64 * 1024 * 1024;
/** Samples are ten seconds apart, cAdvisor's up to fifteen; a rate needs two. */
const STATS_WAIT_MS = 90_000;
const START_MS = 240_000;

/** What a container with limits has, from either source; on a node whose cgroups are v1 or hybrid. */
const SERIES = `
container_cpu_cfs_burst_periods_total container_cpu_cfs_burst_seconds_total container_cpu_cfs_periods_total
container_cpu_cfs_throttled_periods_total container_cpu_cfs_throttled_seconds_total container_cpu_system_seconds_total
container_cpu_usage_seconds_total container_cpu_user_seconds_total container_file_descriptors container_last_seen
container_memory_cache container_memory_failcnt container_memory_failures_total container_memory_kernel_usage
container_memory_mapped_file container_memory_max_usage_bytes container_memory_rss container_memory_swap
container_memory_total_active_file_bytes container_memory_total_inactive_file_bytes container_memory_usage_bytes
container_memory_working_set_bytes container_oom_events_total container_processes container_sockets
container_spec_cpu_period container_spec_cpu_quota container_spec_cpu_shares container_spec_memory_limit_bytes
container_spec_memory_reservation_limit_bytes container_spec_memory_swap_limit_bytes container_start_time_seconds
container_tasks_state container_threads container_threads_max container_ulimits_soft`
  .trim()
  .split(/\s+/);
const BY_DAVIT_ALONE = [
  ...['inodes_free', 'inodes_total', 'limit_bytes', 'usage_bytes'].map((name) => `container_fs_${name}`),
  ...['cpu', 'io', 'memory'].flatMap((resource) =>
    ['stalled', 'waiting'].map((how) => `container_pressure_${resource}_${how}_seconds_total`),
  ),
];
/** Nothing that a kernel counts: cAdvisor shows 0, 0 and -1. */
const BY_CADVISOR_ALONE = [
  'container_cpu_load_average_10s',
  'container_cpu_load_d_average_10s',
  'container_health_state',
];
/** Come with the first read or write that the kernel charges the container for. */
const OF_DEVICES = /^container_(fs_(reads|writes)|blkio)_/;

const dropIn = (): string => join('/run', `davit-${nodeEnv()['DAVIT_NODE']}`, 'etc/conf.d/50-pause.toml');

let traces: readonly string[];
beforeAll(async () => {
  traces = await kubeletTraces();
});

interface Listed {
  readonly containers: readonly { readonly id: string; readonly metadata: { readonly name: string } }[];
}

async function containerId(name: string): Promise<string> {
  const { containers } = await crictlJson<Listed>('ps', '--label', 'io.kubernetes.pod.namespace=default', '-o', 'json');
  return containers.find(({ metadata }) => metadata.name === name)?.id ?? '';
}

/** The pod's summary, once there is a rate of each of its containers. */
async function summaryOf(kubelet: Kubelet): Promise<PodSummary> {
  return await eventually(
    'a summary of the pod with the rates of both containers',
    async () => {
      const pod = (await kubelet.summary()).find(({ podRef }) => podRef.name.startsWith(POD));
      const rates = pod?.containers.filter(({ cpu }) => cpu.usageNanoCores !== undefined) ?? [];
      return rates.length === 2 ? pod : undefined;
    },
    STATS_WAIT_MS,
  );
}

async function kernelNanos(container: string): Promise<number> {
  const { stats } = await crictlJson<{ stats: { cpu: { usageCoreNanoSeconds: { value: string } } }[] }>(
    'stats',
    '--id',
    container,
    '-o',
    'json',
  );
  return Number(stats[0]?.cpu.usageCoreNanoSeconds.value);
}

function shown({ name, ready, restartCount }: KubeletContainer): object {
  return { name, ready, restartCount };
}

function seriesOf(lines: readonly string[], ...labels: readonly string[]): ReadonlySet<string> {
  const found = lines.filter((line) => labels.every((label) => line.includes(label)));
  return new Set(found.map((line) => line.slice(0, line.indexOf('{'))));
}

/** Once all of them are there: some sources are looked at more often than others. */
async function linesWith(kubelet: Kubelet, names: readonly string[]): Promise<readonly string[]> {
  let missing: readonly string[] = names;
  const find = async (): Promise<readonly string[] | undefined> => {
    const lines = await kubelet.metrics(POD);
    const found = seriesOf(lines, 'container="main"');
    missing = names.filter((name) => !found.has(name));
    const hasNetwork = seriesOf(lines, 'interface="eth0"').has('container_network_receive_bytes_total');
    return missing.length === 0 && hasNetwork ? lines : undefined;
  };
  return await eventually("all series of a container and its pod's network", find, STATS_WAIT_MS).catch(
    (error: unknown) => {
      throw new Error(`no series ${missing.join(', ')}`, { cause: error });
    },
  );
}

function valueOf(lines: readonly string[], ...parts: readonly string[]): number {
  const line = lines.find((each) => ['container="main"', ...parts].every((part) => each.includes(part)));
  return Number(line?.split('} ')[1]?.split(' ')[0]);
}

describe('a real kubelet whose statistics come from davitd', () => {
  let kubelet: Kubelet;

  beforeAll(async () => {
    kubelet = await Kubelet.start('cri');
  }, START_MS);
  afterAll(async () => {
    await Kubelet.down();
  });

  it('runs a pod with init container, sidecar, probes, hooks, limits, tmpfs and host port to Ready', async () => {
    const [pod] = await kubelet.pods();
    const { containerStatuses, initContainerStatuses } = pod?.status ?? {};
    expect(containerStatuses?.map(shown)).toEqual([{ name: 'main', ready: true, restartCount: 0 }]);
    expect(initContainerStatuses?.map(shown)).toEqual([
      { name: 'init', ready: true, restartCount: 0 },
      { name: 'sidecar', ready: true, restartCount: 0 },
    ]);
    expect(initContainerStatuses?.[0]?.state.terminated).toMatchObject({ reason: 'Completed', exitCode: 0 });
    const page = await fetch(`http://127.0.0.1:${kubelet.hostPort}/`);
    expect(await page.text()).toBe('made by init\n');
    const main = await containerId('main');
    expect(await mustCrictl('exec', '--sync', main, 'cat', '/work/hook')).toBe('hook');
    expect(await mustCrictl('exec', '--sync', main, 'grep', ' /work ', '/proc/mounts')).toMatch(/^tmpfs /);
  });

  it('gets all of /stats/summary', async () => {
    const main = await containerId('main');
    const before = await kernelNanos(main);
    const pod = await summaryOf(kubelet);
    expect(pod.containers.map(({ name }) => name).sort()).toEqual(['main', 'sidecar']);
    expect(pod.network).toMatchObject({ name: 'eth0' });
    expect(pod.network?.rxBytes).toBeGreaterThan(0);
    expect(pod.process_stats?.process_count).toBeGreaterThanOrEqual(3);
    expect(pod.cpu.usageNanoCores).toBeGreaterThan(0);
    expect(pod.memory.workingSetBytes).toBeGreaterThan(0);
    const own = pod.containers.find(({ name }) => name === 'main');
    expect(own?.cpu.usageCoreNanoSeconds).toBeGreaterThanOrEqual(before);
    const { workingSetBytes = 0, availableBytes = 0 } = own?.memory ?? {};
    expect(workingSetBytes + availableBytes).toBe(LIMIT_BYTES);
    expect(own?.rootfs.usedBytes).toBeGreaterThan(0);
    expect(own?.logs.usedBytes).toBeGreaterThanOrEqual(0);
    expect(own?.swap?.swapUsageBytes).toBeGreaterThanOrEqual(0);
  });

  it('gets the series of /metrics/cadvisor, those that containerd lacks too', async () => {
    const wanted = [...SERIES, ...BY_DAVIT_ALONE].sort();
    const lines = await linesWith(kubelet, wanted);
    const ofMain = [...seriesOf(lines, 'container="main"')].filter((name) => !OF_DEVICES.test(name));
    expect(ofMain.sort()).toEqual(wanted);
    expect(valueOf(lines, 'container_tasks_state', 'state="sleeping"')).toBeGreaterThan(0);
  });

  it('removes the pod when its manifest goes', async () => {
    await rm(join(kubelet.manifests, `${POD}.yaml`));
    await eventually('the end of the pod', async () => {
      const args = ['pods', '--label', 'io.kubernetes.pod.namespace=default', '--state', 'ready', '-q'];
      const isGone = (await kubelet.pods()).length === 0 && (await mustCrictl(...args)) === '';
      return isGone ? true : undefined;
    });
    expect(await mustCrictl('ps', '--label', 'io.kubernetes.pod.namespace=default', '-q')).toBe('');
  });

  it('has nothing to complain of', async () => {
    expect(await kubelet.complaints()).toBe('');
  });
});

describe("a real kubelet whose statistics come from cAdvisor, with pause = 'always'", () => {
  let kubelet: Kubelet;

  beforeAll(async () => {
    await writeFile(dropIn(), 'pause = "always"\n');
    await restartDavitd({ kill: false });
    kubelet = await Kubelet.start('cadvisor');
  }, START_MS);
  afterAll(async () => {
    await Kubelet.down();
    await rm(dropIn());
    await restartDavitd({ kill: false });
  });

  it('gets containers and the network of the pod for /stats/summary', async () => {
    const pod = await eventually(
      "a summary with the pod's network and memory",
      async () => {
        const found = await summaryOf(kubelet);
        return found.network === undefined || found.memory.workingSetBytes === 0 ? undefined : found;
      },
      STATS_WAIT_MS,
    );
    expect(pod.containers.map(({ name }) => name).sort()).toEqual(['main', 'sidecar']);
    expect(pod.network).toMatchObject({ name: 'eth0' });
    expect(pod.network?.rxBytes).toBeGreaterThan(0);
  });

  it('finds the containers for /metrics/cadvisor', async () => {
    const wanted = [...SERIES, ...BY_CADVISOR_ALONE].sort();
    const lines = await linesWith(kubelet, wanted);
    const image = 'image="registry.k8s.io/e2e-test-images/busybox:1.29-2"';
    const ofMain = [...seriesOf(lines, 'container="main"', image)].filter((name) => !OF_DEVICES.test(name));
    expect(ofMain.sort()).toEqual(wanted);
    const made = ['container_tasks_state{', 'container_cpu_load_average_10s', 'container_health_state'];
    expect(made.map((name) => valueOf(lines, name))).toEqual([0, 0, -1]);
  });

  it('has nothing to complain of', async () => {
    expect(await kubelet.complaints()).toBe('');
  });
});

describe('a kubelet that is taken down', () => {
  it('leaves the machine as it was', async () => {
    expect(await kubeletTraces()).toEqual(traces);
  });
});
