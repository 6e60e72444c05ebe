import type Long from 'long';
import type { ContainerUsage, PodUsage, TopReply, Usage } from '../../admin/generated/admin.js';
import { binarySize } from '../../binary-size.ts';
import { age } from '../format.ts';
import { renderTable } from '../table.ts';
import { numberOf, sum, type Rates } from './rates.ts';

export const SORTS = ['cpu', 'memory', 'network', 'restarts', 'name'] as const;
export type Sort = (typeof SORTS)[number];

const HEAD = [
  'POD',
  'CONTAINER',
  'STATE',
  'RESTARTS',
  'CPU',
  'LIMIT',
  'MEMORY',
  'LIMIT',
  'RX',
  'TX',
  'RX/s',
  'TX/s',
  'AGE',
];
const UNKNOWN = '-';
const NANOS_PER_MILLI = 1e6;

/** A picture of one moment: a line for the node, then each pod with its containers below it, the hungriest first. */
export function renderTop(reply: TopReply, rates: Rates, sort: Sort): string {
  const rows = sortPods(reply.pods, rates, sort).flatMap((pod) => [
    podRow(pod, rates, reply.time),
    ...pod.containers.map((container) => containerRow(container, reply.time)),
  ]);
  return `${nodeLine(reply, rates)}\n\n${renderTable(HEAD, rows)}`;
}

function nodeLine({ time, node, pods }: TopReply, rates: Rates): string {
  const clock = new Date(numberOf(time) / NANOS_PER_MILLI).toISOString().slice(11, 19);
  const containers = pods.flatMap((pod) => pod.containers);
  const running = containers.filter(({ state }) => state === 'running').length;
  const counts = `${pods.length} ${pods.length === 1 ? 'pod' : 'pods'}, ${running} of ${containers.length} containers run`;
  if (node === null) return `${clock}  ${counts}`;
  const busy = rates.nodeCpus();
  const cpu = `cpu ${busy === undefined ? UNKNOWN : busy.toFixed(2)} of ${node.cpus}`;
  const total = numberOf(node.memoryBytes);
  const used = Math.max(0, total - numberOf(node.memoryAvailableBytes));
  return `${clock}  ${cpu}  memory ${binarySize(used)} of ${binarySize(total)}  ${counts}`;
}

function podRow(pod: PodUsage, rates: Rates, now: Long): readonly string[] {
  const rate = rates.networkOf(pod.id);
  const hasNetwork = pod.interfaces.length > 0 && (pod.usage?.time ?? null) !== null;
  const restarts = pod.containers.reduce((total, container) => total + container.restarts, 0);
  return [
    fullName(pod),
    '',
    pod.state,
    String(restarts),
    ...usageCells(pod.usage),
    hasNetwork ? binarySize(sum(pod.interfaces.map(({ rxBytes }) => rxBytes))) : UNKNOWN,
    hasNetwork ? binarySize(sum(pod.interfaces.map(({ txBytes }) => txBytes))) : UNKNOWN,
    rate === undefined ? UNKNOWN : binarySize(Math.round(rate.rx)),
    rate === undefined ? UNKNOWN : binarySize(Math.round(rate.tx)),
    age(pod.createdAt, numberOf(now) / NANOS_PER_MILLI),
  ];
}

function containerRow(container: ContainerUsage, now: Long): readonly string[] {
  const ended = container.exitCode === null ? '' : ` (${container.exitCode})`;
  const since = container.startedAt ?? container.createdAt;
  return [
    '',
    container.name,
    `${container.state}${ended}`,
    String(container.restarts),
    ...usageCells(container.usage),
    '',
    '',
    '',
    '',
    age(since, numberOf(now) / NANOS_PER_MILLI),
  ];
}

function usageCells(usage: Usage | null): readonly string[] {
  return [
    cell(usage?.cpuNanoCores, milliCpus),
    cell(usage?.cpuLimitNanoCores, milliCpus),
    cell(usage?.memoryWorkingSetBytes, binarySize),
    cell(usage?.memoryLimitBytes, binarySize),
  ];
}

function cell(value: Long | null | undefined, show: (value: number) => string): string {
  return value === null || value === undefined ? UNKNOWN : show(numberOf(value));
}

/** As Kubernetes writes them: `250m` is a quarter of a processor. */
function milliCpus(nanoCores: number): string {
  return `${Math.round(nanoCores / NANOS_PER_MILLI)}m`;
}

function sortPods(pods: readonly PodUsage[], rates: Rates, sort: Sort): readonly PodUsage[] {
  return pods.toSorted(
    (a, b) => weight(b, rates, sort) - weight(a, rates, sort) || fullName(a).localeCompare(fullName(b)),
  );
}

function fullName({ namespace, name }: PodUsage): string {
  return `${namespace}/${name}`;
}

function weight(pod: PodUsage, rates: Rates, sort: Sort): number {
  const rate = rates.networkOf(pod.id);
  switch (sort) {
    case 'cpu':
      return numberOrZero(pod.usage?.cpuNanoCores);
    case 'memory':
      return numberOrZero(pod.usage?.memoryWorkingSetBytes);
    case 'network':
      return rate === undefined ? 0 : rate.rx + rate.tx;
    case 'restarts':
      return pod.containers.reduce((total, { restarts }) => total + restarts, 0);
    case 'name':
      return 0;
  }
}

function numberOrZero(value: Long | null | undefined): number {
  return value === null || value === undefined ? 0 : numberOf(value);
}
