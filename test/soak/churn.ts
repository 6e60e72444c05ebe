import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { CriClient } from '../bench/cri-client.ts';
import { draw, randomOf, type Random } from '../e2e/support/random.ts';

export interface ChurnDeps {
  readonly cri: CriClient;
  readonly image: string;
  /** Folder for the pods' logs. */
  readonly logs: string;
  readonly cgroupParent: string;
  readonly counts: ChurnCounts;
}

export interface ChurnCounts {
  pods: number;
  containers: number;
  execs: number;
  /** Calls that failed, by code: while daemons are killed some must. */
  readonly errors: Record<string, number>;
  /** What the first ones of each code said. */
  readonly samples: Record<string, string[]>;
}

const MOST_CONTAINERS = 3;
const COMMANDS: readonly (readonly string[])[] = [
  ['sleep', '1000'],
  ['true'],
  ['sh', '-c', 'exit 3'],
  ['sh', '-c', 'seq 1 20000'],
  ['sh', '-c', 'i=0; while :; do echo line $i; i=$((i+1)); sleep 0.01; done'],
];
/** A removal is asked for again until the round's end does it. */
const REMOVAL_TRIES = 3;
const SAMPLES = 5;
/** After a failure: nobody asks a daemon that is away without a rest. */
const REST_MS = 250;

/** One worker: makes pods and removes them, one after the other, until told to stop. Errors are counted, never thrown. */
export async function churn(deps: ChurnDeps, seed: number, name: string, stop: AbortSignal): Promise<void> {
  const random = randomOf(seed);
  for (let n = 0; !stop.aborted; n++) await onePod(deps, random, `${name}-${n}`);
}

async function onePod(deps: ChurnDeps, random: Random, name: string): Promise<void> {
  const config = podConfig(deps, random, name);
  const made = await attempt(deps, () => deps.cri.call<{ podSandboxId: string }>('RunPodSandbox', { config }));
  if (made === undefined) return;
  const { podSandboxId } = made;
  deps.counts.pods++;
  const containers = 1 + Math.floor(random() * MOST_CONTAINERS);
  for (let n = 0; n < containers; n++) await oneContainer(deps, random, { podSandboxId, config, name: `c${n}` });
  for (let tries = 0; tries < REMOVAL_TRIES; tries++) {
    if (random() < 0.5) await attempt(deps, () => deps.cri.call('StopPodSandbox', { podSandboxId }));
    const removed = await attempt(deps, () => deps.cri.call('RemovePodSandbox', { podSandboxId }));
    if (removed !== undefined) return;
  }
}

interface ContainerOf {
  readonly podSandboxId: string;
  readonly config: object;
  readonly name: string;
}

async function oneContainer(deps: ChurnDeps, random: Random, of: ContainerOf): Promise<void> {
  const [command] = draw(random, COMMANDS, 1);
  const { podSandboxId, config: sandboxConfig, name } = of;
  const config = { metadata: { name }, image: { image: deps.image }, command, logPath: `${name}.log`, linux: {} };
  const request = { podSandboxId, config, sandboxConfig };
  const made = await attempt(deps, () => deps.cri.call<{ containerId: string }>('CreateContainer', request));
  if (made === undefined) return;
  const { containerId } = made;
  deps.counts.containers++;
  const started = await attempt(deps, () => deps.cri.call('StartContainer', { containerId }));
  if (started !== undefined && random() < 0.5) {
    deps.counts.execs++;
    await attempt(deps, () => deps.cri.call('ExecSync', { containerId, cmd: ['true'], timeout: 5 }));
  }
  if (random() < 0.3) await attempt(deps, () => deps.cri.call('StopContainer', { containerId, timeout: 0 }));
  if (random() < 0.3) await attempt(deps, () => deps.cri.call('RemoveContainer', { containerId }));
}

function podConfig({ logs, cgroupParent }: ChurnDeps, random: Random, name: string): object {
  const ports = random() < 0.3 ? [{ containerPort: 80, hostPort: 20_000 + Math.floor(random() * 8000) }] : [];
  const pid = random() < 0.3 ? 'POD' : 'CONTAINER';
  const network = random() < 0.2 ? 'NODE' : 'POD';
  return {
    metadata: { name, uid: `uid-${name}`, namespace: 'soak' },
    logDirectory: `${logs}/${name}`,
    portMappings: network === 'POD' ? ports : [],
    linux: { cgroupParent, securityContext: { namespaceOptions: { pid, network } } },
  };
}

/** Undefined when the call failed. */
async function attempt<T>({ counts }: ChurnDeps, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    const code = codeOf(error);
    counts.errors[code] = (counts.errors[code] ?? 0) + 1;
    const samples = (counts.samples[code] ??= []);
    if (samples.length < SAMPLES) samples.push(String(error));
    await sleep(REST_MS);
    return undefined;
  }
}

function codeOf(error: unknown): string {
  const cause: unknown = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? Number(cause.code) : 2;
  return status[code] ?? `code ${code}`;
}
