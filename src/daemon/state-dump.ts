import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../engine/index.ts';

export interface DumpDeps {
  readonly engine: Pick<
    Engine,
    | 'status'
    | 'info'
    | 'listSandboxes'
    | 'listContainers'
    | 'listImages'
    | 'imageWork'
    | 'events'
    | 'isReady'
    | 'outputHealth'
    | 'containerdVersion'
  >;
  readonly version: string;
  /** Calls that have not ended. */
  readonly inFlight: () => number;
}

/** Fields whose values may be secrets: the dump says what they are called, not what they hold. */
const HIDDEN_VALUES = new Set(['env', 'Env']);

/** Writes what davitd knows to `<directory>/dump-<time>.json`, mode 0600; returns the path. */
export async function writeStateDump(directory: string, deps: DumpDeps): Promise<string> {
  const now = new Date();
  const path = join(directory, `dump-${now.toISOString().replaceAll(':', '')}.json`);
  await writeFile(path, renderState(deps, now), { mode: 0o600, flag: 'wx' });
  return path;
}

/** What davitd knows, as JSON. */
export function renderState(deps: DumpDeps, now: Date): string {
  return `${JSON.stringify(describeState(deps, now), toPlain, 2)}\n`;
}

function describeState({ engine, version, inFlight }: DumpDeps, now: Date): Readonly<Record<string, unknown>> {
  return {
    time: now.toISOString(),
    version,
    node: process.version,
    containerd: engine.containerdVersion(),
    uptimeSeconds: Math.round(process.uptime()),
    memory: process.memoryUsage(),
    resources: countBy(process.getActiveResourcesInfo()),
    callsInFlight: inFlight(),
    ready: engine.isReady(),
    output: engine.outputHealth(),
    status: engine.status(),
    info: engine.info(),
    sandboxes: engine.listSandboxes({ labels: {} }),
    containers: engine.listContainers({ labels: {} }),
    images: engine.listImages(undefined),
    pulls: engine.imageWork(),
    events: engine.events({}),
  };
}

function toPlain(key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return HIDDEN_VALUES.has(key) && Array.isArray(value) ? value.map(nameOnly) : value;
}

/** `NAME=…` of a variable, written as one string or as a pair. */
function nameOnly(variable: unknown): string {
  const name: unknown = Array.isArray(variable) ? variable[0] : variable;
  return typeof name === 'string' ? `${name.split('=', 1)[0] ?? ''}=…` : '…';
}

function countBy(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
