import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Timed } from './cri-client.ts';
import type { Side } from './side.ts';

export type Network = 'cni' | 'host';

/** A pod as the kubelet would ask for it. */
export interface Pod {
  readonly id: string;
  readonly config: PodConfig;
}

interface PodConfig {
  readonly logDirectory: string;
  readonly [field: string]: unknown;
}

export interface Container {
  readonly id: string;
  readonly log: string;
}

/** A shell that ends at once on TERM, once it has written `ready`. */
export const IMAGE = 'registry.k8s.io/e2e-test-images/busybox:1.29-2';
const COMMAND = ['sh', '-c', 'trap "exit 0" TERM; echo ready; sleep 100000 & wait $!'];
const MIB = 1024 * 1024;
const READY_WITHIN_MS = 30_000;
const READY_EVERY_MS = 5;
const REMOVALS_AT_ONCE = 10;
const REMOVAL_ATTEMPTS = 5;

/** What the kubelet asks to be hidden in containers that are not privileged. */
const MASKED = ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/scsi', '/sys/firmware'];
const READONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export async function runPod(side: Side, network: Network): Promise<Timed<Pod>> {
  const uid = randomUUID();
  const name = `bench-${uid.slice(0, 8)}`;
  const config = {
    metadata: { name, uid, namespace: 'bench', attempt: 0 },
    ...(network === 'cni' ? { hostname: name } : {}),
    logDirectory: join(side.logs, uid),
    dnsConfig: { servers: ['10.96.0.10'], searches: ['bench.svc.cluster.local'], options: ['ndots:5'] },
    labels: { app: 'bench', 'io.kubernetes.pod.uid': uid },
    linux: {
      cgroupParent: side.cgroupParent,
      securityContext: { namespaceOptions: namespaceOptions(network) },
    },
  };
  const { ms, reply } = await side.client.timed<{ podSandboxId: string }>('RunPodSandbox', { config });
  return { ms, reply: { id: reply.podSandboxId, config } };
}

export async function createContainer(
  side: Side,
  pod: Pod,
  name: string,
  network: Network = 'cni',
): Promise<Timed<Container>> {
  const config = {
    metadata: { name, attempt: 0 },
    image: { image: IMAGE },
    command: COMMAND,
    envs: [{ key: 'KUBERNETES_SERVICE_HOST', value: Buffer.from('10.96.0.1') }],
    labels: { 'io.kubernetes.container.name': name },
    logPath: `${name}.log`,
    linux: {
      resources: {
        cpuShares: 102,
        cpuPeriod: 100_000,
        cpuQuota: 200_000,
        memoryLimitInBytes: 64 * MIB,
        oomScoreAdj: 900,
      },
      securityContext: {
        namespaceOptions: namespaceOptions(network),
        maskedPaths: MASKED,
        readonlyPaths: READONLY,
      },
    },
  };
  const request = { podSandboxId: pod.id, config, sandboxConfig: pod.config };
  const { ms, reply } = await side.client.timed<{ containerId: string }>('CreateContainer', request);
  return { ms, reply: { id: reply.containerId, log: join(pod.config.logDirectory, config.logPath) } };
}

export async function startContainer(side: Side, container: Container): Promise<Timed<object>> {
  return await side.client.timed('StartContainer', { containerId: container.id });
}

/** Waits until the container can take a TERM, as its log tells. */
export async function containerReady(container: Container): Promise<void> {
  const end = Date.now() + READY_WITHIN_MS;
  // No log yet is no news.
  while (!(await readFile(container.log, 'utf8').catch(() => '')).includes('ready')) {
    if (Date.now() > end) throw new Error(`${container.log} tells of no container within ${READY_WITHIN_MS / 1000} s`);
    await sleep(READY_EVERY_MS);
  }
}

export async function stopPod(side: Side, pod: Pod): Promise<Timed<object>> {
  return await side.client.timed('StopPodSandbox', { podSandboxId: pod.id });
}

export async function removePod(side: Side, pod: Pod): Promise<Timed<object>> {
  return await side.client.timed('RemovePodSandbox', { podSandboxId: pod.id });
}

/** Removes every pod of the side: nobody else uses it. */
export async function removeAllPods(side: Side): Promise<void> {
  const { items } = await side.client.call<{ items: readonly { id: string }[] }>('ListPodSandbox', {});
  const rest = items.values();
  const remover = async (): Promise<void> => {
    for (const { id } of rest) await removeInTheEnd(side, id);
  };
  await Promise.all(Array.from({ length: REMOVALS_AT_ONCE }, remover));
}

/** A thousand containers that go at once may take a busy machine longer than a step has: it is asked again, as a kubelet does. */
async function removeInTheEnd(side: Side, podSandboxId: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await side.client.call('StopPodSandbox', { podSandboxId });
      await side.client.call('RemovePodSandbox', { podSandboxId });
      return;
    } catch (error) {
      if (attempt === REMOVAL_ATTEMPTS) throw error;
    }
  }
}

function namespaceOptions(network: Network): object {
  return { network: network === 'host' ? 'NODE' : 'POD', pid: 'CONTAINER', ipc: 'POD' };
}
