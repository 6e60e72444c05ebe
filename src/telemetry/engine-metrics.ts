import { Counter, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** Where the engine's work is counted and measured. */
export interface EngineMetrics {
  /** `kind` is the error's; absent when the action succeeded. */
  actionEnded(action: string, seconds: number, kind?: string): void;
  /** Bytes of images came from a registry. */
  received(bytes: number): void;
  /** `kind` is the error's; absent when the pull succeeded. */
  pullEnded(seconds: number, kind?: string): void;
}

/** What callers ask of the engine, and what it asks of CNI plugins; each is shown from the start. */
const ACTIONS = [
  'run-sandbox',
  'stop-sandbox',
  'remove-sandbox',
  'create-container',
  'start-container',
  'stop-container',
  'remove-container',
  'update-container',
  'exec-sync',
  'pull-image',
  'remove-image',
  'cni-add',
  'cni-del',
  'restore',
];

const ACTION_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const PULL_SECONDS = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];

export function addEngineMetrics(registry: Registry): EngineMetrics {
  const registers = [registry];
  const seconds = new Histogram({
    name: 'davit_engine_action_duration_seconds',
    help: "Time of the engine's actions, failed ones too.",
    labelNames: ['action'],
    buckets: ACTION_SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'davit_engine_action_failures_total',
    help: "The engine's actions that failed, by the kind of their error.",
    labelNames: ['action', 'kind'],
    registers,
  });
  for (const action of ACTIONS) seconds.zero({ action });
  const pulls = pullMetrics(registers);
  return {
    ...pulls,
    actionEnded: (action, duration, kind) => {
      seconds.observe({ action }, duration);
      if (kind !== undefined) failures.inc({ action, kind });
    },
  };
}

function pullMetrics(registers: Registry[]): Pick<EngineMetrics, 'received' | 'pullEnded'> {
  const bytes = new Counter({
    name: 'davit_image_pull_received_bytes_total',
    help: 'Bytes of layers that registries have sent.',
    registers,
  });
  const seconds = new Histogram({
    name: 'davit_image_pull_duration_seconds',
    help: 'Time of pulls, failed ones too; calls that share a pull count once.',
    buckets: PULL_SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'davit_image_pull_failures_total',
    help: 'Pulls that failed, by the kind of their error.',
    labelNames: ['kind'],
    registers,
  });
  return {
    received: (count) => bytes.inc(count),
    pullEnded: (duration, kind) => {
      seconds.observe(duration);
      if (kind !== undefined) failures.inc({ kind });
    },
  };
}
