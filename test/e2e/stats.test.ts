import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import { BUSYBOX, Pod, crictlJson, eventually, mustCrictl } from './support/node.ts';
import { must } from './support/run.ts';

/** What crictl prints of a 64-bit value. */
interface Value {
  readonly value: string;
}

interface ContainerStats {
  readonly attributes: { readonly id: string; readonly metadata: { readonly name: string } };
  readonly cpu: { readonly timestamp: string; readonly usageCoreNanoSeconds: Value; readonly usageNanoCores?: Value };
  readonly memory: {
    readonly timestamp: string;
    readonly usageBytes: Value;
    readonly workingSetBytes: Value;
    readonly availableBytes: Value;
    readonly rssBytes: Value;
    readonly pageFaults: Value;
  };
  readonly writableLayer?: {
    readonly fsId: { readonly mountpoint: string };
    readonly usedBytes: Value;
    readonly inodesUsed: Value;
  };
}

interface PodStats {
  readonly attributes: { readonly id: string; readonly labels: Readonly<Record<string, string>> };
  readonly linux: {
    readonly cpu: { readonly timestamp: string; readonly usageCoreNanoSeconds: Value };
    readonly memory: { readonly usageBytes: Value };
    readonly network: {
      readonly timestamp: string;
      readonly defaultInterface: { readonly name: string; readonly txBytes: Value; readonly rxBytes: Value };
    };
    readonly process: { readonly processCount: Value };
    readonly containers: readonly ContainerStats[];
  };
}

interface Metric {
  readonly name: string;
  readonly labelValues: readonly string[];
  readonly value: Value;
}

interface PodMetrics {
  readonly podSandboxId: string;
  readonly metrics: readonly Metric[];
  readonly containerMetrics: readonly { readonly containerId: string; readonly metrics: readonly Metric[] }[];
}

const MIB = 1024 * 1024;
const HELD_BYTES = 24 * MIB;
const WRITTEN_BYTES = 10 * MIB;
const LIMIT_BYTES = 96 * MIB;
/** A fifth of a core. */
const QUOTA_NANO_CORES = 200_000_000;
/** A rate may exceed the quota by one period at each end of its window. */
const RATE_TOLERANCE = 1.25;
/** What the kernel may do with memory between two looks of a moment. */
const MEMORY_TOLERANCE_BYTES = 2 * MIB;
/** Writable layers and open files are looked at once a minute. */
const DETAILS_WAIT_MS = 90_000;

/** Holds memory, writes a file, serves it, and uses all the processor time that it is given. */
const WORK = [
  `dd if=/dev/zero of=/written bs=1M count=${WRITTEN_BYTES / MIB} 2>/dev/null`,
  'httpd -p 8080 -h /',
  `(head -c ${HELD_BYTES} /dev/zero; exec sleep 1000) | tail -c ${2 * HELD_BYTES} >/dev/null &`,
  'while :; do :; done',
].join('\n');

let pod: Pod;
let id: string;
let pid: number;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  pod = await Pod.run('stats', { labels: { measured: 'yes' } });
  id = await pod.start('main', {
    command: ['sh', '-c', WORK],
    labels: { part: 'main' },
    linux: { resources: { cpu_period: 50_000, cpu_quota: 10_000, memory_limit_in_bytes: LIMIT_BYTES } },
  });
  pid = (await crictlJson<{ info: { pid: number } }>('inspect', id)).info.pid;
  await eventually('the memory that it holds', async () =>
    (await kernel()).rssBytes >= HELD_BYTES ? true : undefined,
  );
});

afterAll(async () => {
  await pod?.[Symbol.asyncDispose]();
});

/** Of the container's cgroup in the tree of a controller, the file of v1 or of v2. */
async function cgroupFile(controller: string, v1: string, v2: string): Promise<string> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n').map((line) => line.split(':'));
  const own = lines.find(([, controllers]) => controllers?.split(',').includes(controller))?.[2];
  const unified = lines.find(([, controllers]) => controllers === '')?.[2];
  const file = own === undefined ? `${unified}/${v2}` : `/${controller}${own}/${v1}`;
  return await readFile(`/sys/fs/cgroup${file}`, 'utf8');
}

function keyed(text: string, ...keys: readonly string[]): number {
  const line = text.split('\n').find((candidate) => keys.some((key) => candidate.startsWith(`${key} `)));
  return Number(line?.split(' ')[1]);
}

/** The kernel's own numbers, now. */
async function kernel() {
  const cpu = await cgroupFile('cpuacct', 'cpuacct.usage', 'cpu.stat');
  const stat = await cgroupFile('memory', 'memory.stat', 'memory.stat');
  const usageBytes = Number(await cgroupFile('memory', 'memory.usage_in_bytes', 'memory.current'));
  return {
    cpuNanos: /^\d+\n$/.test(cpu) ? Number(cpu) : keyed(cpu, 'usage_usec') * 1000,
    usageBytes,
    workingSetBytes: usageBytes - keyed(stat, 'total_inactive_file', 'inactive_file'),
    rssBytes: keyed(stat, 'total_rss', 'anon'),
    pageFaults: keyed(stat, 'total_pgfault', 'pgfault'),
    processes: (await cgroupFile('pids', 'cgroup.procs', 'cgroup.procs')).trim().split('\n').length,
  };
}

async function sentBytes(): Promise<number> {
  const line = (await readFile(`/proc/${pid}/net/dev`, 'utf8')).split('\n').find((each) => each.includes('eth0:'));
  return Number(line?.split(':')[1]?.trim().split(/\s+/)[8]);
}

async function stats(): Promise<ContainerStats | undefined> {
  return (await crictlJson<{ stats: ContainerStats[] }>('stats', '--id', id, '-o', 'json')).stats[0];
}

async function podStats(): Promise<PodStats | undefined> {
  return (await crictlJson<{ stats: PodStats[] }>('statsp', '--id', pod.id, '-o', 'json')).stats[0];
}

async function containerIds(...filter: readonly string[]): Promise<readonly string[]> {
  const listed = await crictlJson<{ stats: ContainerStats[] | null }>('stats', '-a', '-o', 'json', ...filter);
  return (listed.stats ?? []).map(({ attributes }) => attributes.id);
}

async function podIds(...filter: readonly string[]): Promise<readonly string[]> {
  const listed = await crictlJson<{ stats: PodStats[] | null }>('statsp', '-o', 'json', ...filter);
  return (listed.stats ?? []).map(({ attributes }) => attributes.id);
}

/** A sample that was begun after `timeMs`. */
function isAfter(timestamp: string | undefined, timeMs: number): boolean {
  return timestamp !== undefined && Number(timestamp) / 1e6 > timeMs;
}

function expectNear(value: number, expected: number, tolerance: number): void {
  expect(value).toBeGreaterThanOrEqual(expected - tolerance);
  expect(value).toBeLessThanOrEqual(expected + tolerance);
}

describe('stats of a container, by crictl', () => {
  it("are the kernel's numbers", async () => {
    const before = await kernel();
    const begin = Date.now();
    const sample = await eventually('a newer sample', async () => {
      const found = await stats();
      return isAfter(found?.cpu.timestamp, begin) ? found : undefined;
    });
    const after = await kernel();
    // Counters only grow, so a sample from between is between; a container at its quota may rest meanwhile.
    const cpuNanos = Number(sample.cpu.usageCoreNanoSeconds.value);
    expect(before.cpuNanos).toBeGreaterThan(0);
    expect(cpuNanos).toBeGreaterThanOrEqual(before.cpuNanos);
    expect(cpuNanos).toBeLessThanOrEqual(after.cpuNanos);
    const faults = Number(sample.memory.pageFaults.value);
    expect(faults).toBeGreaterThanOrEqual(before.pageFaults);
    expect(faults).toBeLessThanOrEqual(after.pageFaults);
    expectNear(Number(sample.memory.usageBytes.value), after.usageBytes, MEMORY_TOLERANCE_BYTES);
    expectNear(Number(sample.memory.workingSetBytes.value), after.workingSetBytes, MEMORY_TOLERANCE_BYTES);
    expectNear(Number(sample.memory.rssBytes.value), after.rssBytes, MEMORY_TOLERANCE_BYTES);
    expect(Number(sample.memory.rssBytes.value)).toBeGreaterThan(HELD_BYTES);
    expect(Number(sample.memory.availableBytes.value)).toBe(LIMIT_BYTES - Number(sample.memory.workingSetBytes.value));
  });

  it('tell the rate of a container that uses its whole quota', async () => {
    const sample = await eventually('a rate', async () => {
      const found = await stats();
      return found?.cpu.usageNanoCores === undefined ? undefined : found;
    });
    const rate = Number(sample.cpu.usageNanoCores?.value);
    expect(rate).toBeGreaterThan(QUOTA_NANO_CORES / 4); // the machine may be busy
    expect(rate).toBeLessThan(QUOTA_NANO_CORES * RATE_TOLERANCE);
  });

  it('have what was written over the image', async () => {
    const layer = await eventually(
      'a sample of the writable layer',
      async () => {
        const { writableLayer } = (await stats()) ?? {};
        return Number(writableLayer?.usedBytes.value ?? 0) >= WRITTEN_BYTES ? writableLayer : undefined;
      },
      DETAILS_WAIT_MS,
    );
    expect(Number(layer.usedBytes.value)).toBeLessThan(WRITTEN_BYTES + MIB);
    expect(Number(layer.inodesUsed.value)).toBeGreaterThan(0);
    expect(await must('stat', ['-c', '%F', layer.fsId.mountpoint])).toBe('directory');
  });

  it('are listed by id, pod and label, of running containers alone', async () => {
    const created = await pod.create('idle', { labels: { part: 'idle' } });
    expect(await containerIds('--id', id)).toEqual([id]);
    expect(await containerIds('--pod', pod.id)).toEqual([id]);
    expect(await containerIds('--label', 'part=main')).toEqual([id]);
    expect(await containerIds('--label', 'part=idle')).toEqual([]);
    expect(await containerIds('--id', created)).toEqual([]);
    await mustCrictl('start', created);
    expect(await containerIds('--label', 'part=idle')).toEqual([created]);
    await mustCrictl('rm', '-f', created);
    expect(await containerIds()).not.toContain(created);
  });
});

describe('stats of a pod, by crictl', () => {
  it("have the kernel's numbers of its network, and its containers inside", async () => {
    const sent = await sentBytes();
    const response = await fetch(`http://${await pod.ip()}:8080/written`);
    expect((await response.arrayBuffer()).byteLength).toBe(WRITTEN_BYTES);
    const before = await sentBytes();
    expect(before - sent).toBeGreaterThan(WRITTEN_BYTES);
    const begin = Date.now();
    const sample = await eventually('a newer sample', async () => {
      const found = await podStats();
      return isAfter(found?.linux.network?.timestamp, begin) ? found : undefined;
    });
    const { network, containers, cpu, memory } = sample.linux;
    expect(network.defaultInterface.name).toBe('eth0');
    expect(Number(network.defaultInterface.txBytes.value)).toBeGreaterThanOrEqual(before);
    expect(Number(network.defaultInterface.txBytes.value)).toBeLessThanOrEqual(await sentBytes());
    expect(containers.map(({ attributes }) => attributes.id)).toEqual([id]);
    expect(Number(cpu.usageCoreNanoSeconds.value)).toBeGreaterThan(0);
    expect(Number(memory.usageBytes.value)).toBeGreaterThan(HELD_BYTES);
    const { info } = await crictlJson<{ info: { pid?: number } }>('inspectp', pod.id);
    const pause = info.pid === undefined ? 0 : 1;
    expect(Number(sample.linux.process.processCount.value)).toBe((await kernel()).processes + pause);
  });

  it('are listed by id and label, of ready pods alone', async () => {
    expect(await podIds('--label', 'measured=yes')).toEqual([pod.id]);
    expect(await podIds('--label', 'measured=no')).toEqual([]);
    await using empty = await Pod.run('stats-empty');
    expect(await podIds('--id', empty.id)).toEqual([empty.id]);
    await mustCrictl('stopp', empty.id);
    expect(await podIds('--id', empty.id)).toEqual([]);
  });
});

describe('metrics, by crictl', () => {
  it('are described, and have as many labels as that says', async () => {
    const { descriptors } = await crictlJson<{ descriptors: { name: string; labelKeys: string[] }[] }>('metricdescs');
    const labels = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys.length]));
    const { podMetrics } = await crictlJson<{ podMetrics: PodMetrics[] }>('metricsp');
    const own = podMetrics.find(({ podSandboxId }) => podSandboxId === pod.id);
    const ofContainer = own?.containerMetrics.find(({ containerId }) => containerId === id)?.metrics ?? [];
    const metrics = [...(own?.metrics ?? []), ...ofContainer];
    expect(metrics.filter(({ name, labelValues }) => labels.get(name) !== labelValues.length)).toEqual([]);
    const names = new Set(metrics.map(({ name }) => name));
    const unknown = [...labels.keys()].filter((name) => !names.has(name));
    // What the kernel of a node may not count.
    expect(unknown.filter((name) => !/hugetlb|pressure|blkio|fs_(reads|writes)/.test(name))).toEqual([]);
  });

  it("have the kernel's numbers", async () => {
    const before = await kernel();
    const begin = Math.floor(Date.now() / 1000);
    const find = async () => {
      const { podMetrics } = await crictlJson<{ podMetrics: PodMetrics[] }>('metricsp');
      const metrics = podMetrics
        .flatMap(({ containerMetrics }) => containerMetrics)
        .find(({ containerId }) => containerId === id)?.metrics;
      const found = new Map(metrics?.map(({ name, value }) => [name, Number(value.value)]));
      const isNew = (found.get('container_last_seen') ?? 0) > begin;
      return isNew && (found.get('container_sockets') ?? 0) > 0 ? found : undefined;
    };
    const values = await eventually("a newer sample, and one of httpd's socket", find, DETAILS_WAIT_MS);
    const after = await kernel();
    const seconds = values.get('container_cpu_usage_seconds_total') ?? 0;
    expect(seconds).toBeGreaterThanOrEqual(Math.floor(before.cpuNanos / 1e9));
    expect(seconds).toBeLessThanOrEqual(Math.ceil(after.cpuNanos / 1e9));
    expectNear(values.get('container_memory_working_set_bytes') ?? 0, after.workingSetBytes, MEMORY_TOLERANCE_BYTES);
    expect(values.get('container_processes')).toBe(after.processes);
    expect(values.get('container_spec_cpu_quota')).toBe(10_000);
    expect(values.get('container_spec_memory_limit_bytes')).toBe(LIMIT_BYTES);
    expect(values.get('container_cpu_cfs_throttled_periods_total')).toBeGreaterThan(0);
    expect(values.get('container_file_descriptors')).toBeGreaterThan(0);
  });
});

describe('stats of what there is not', () => {
  it('are none in lists, and not found by id', async () => {
    expect(await containerIds('--id', 'f'.repeat(64))).toEqual([]);
    using cri = connectCri();
    const containerId = 'f'.repeat(64);
    await expect(cri.call('ContainerStats', { containerId })).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(cri.call('PodSandboxStats', { podSandboxId: containerId })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });
});
