import { EngineError } from '../errors.ts';
import type { ContainerState, SandboxState } from '../types/index.ts';
import type { ContainerRecord, SandboxRecord } from './records.ts';

/** Where each container phase may come from; the machine is drawn at ContainerState in types.ts. */
const CONTAINER_SOURCES: { readonly [P in ContainerState['phase']]: readonly ContainerState['phase'][] } = {
  creating: [],
  created: ['creating'],
  starting: ['created'],
  // From created: a start that a killed davitd did not come to record.
  running: ['starting', 'created'],
  exited: ['starting', 'running', 'created', 'unknown'],
  unknown: ['creating', 'created', 'starting', 'running'],
};

const SANDBOX_SOURCES: { readonly [P in SandboxState['phase']]: readonly SandboxState['phase'][] } = {
  creating: [],
  ready: ['creating'],
  'not-ready': ['creating', 'ready'],
};

/** The record in its next state. Throws failed-precondition, naming both phases, where the machine has no such edge. */
export function moveContainer(record: ContainerRecord, state: ContainerState): ContainerRecord {
  demand('container', record.id, record.state.phase, state.phase, CONTAINER_SOURCES[state.phase]);
  return { ...record, state };
}

/** The record in its next state; a sandbox that is not ready already stays as it is. */
export function moveSandbox(record: SandboxRecord, state: SandboxState): SandboxRecord {
  if (state.phase === 'not-ready' && record.state.phase === 'not-ready') return record;
  demand('sandbox', record.id, record.state.phase, state.phase, SANDBOX_SOURCES[state.phase]);
  return { ...record, state };
}

function demand(noun: string, id: string, from: string, to: string, sources: readonly string[]): void {
  if (sources.includes(from)) return;
  throw new EngineError('failed-precondition', `${noun} ${id} is ${from} and cannot become ${to}`);
}
