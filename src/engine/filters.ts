import type { Container, ContainerFilter, Sandbox, SandboxFilter, StringMap } from './types/index.ts';

/** The records that fit all parts of the filter; the array itself when there is nothing to filter by. */
export function filterSandboxes<T extends Sandbox>(all: readonly T[], filter: SandboxFilter): readonly T[] {
  const { id, state, labels } = filter;
  const tests: ((sandbox: Sandbox) => boolean)[] = [];
  if (id !== undefined) tests.push((sandbox) => sandbox.id.startsWith(id));
  if (state !== undefined) tests.push((sandbox) => sandbox.state.phase === state);
  if (hasAny(labels)) tests.push((sandbox) => hasLabels(sandbox.spec.labels, labels));
  return select(all, tests);
}

export function filterContainers<T extends Container>(all: readonly T[], filter: ContainerFilter): readonly T[] {
  const { id, sandboxId, state, labels } = filter;
  const tests: ((container: Container) => boolean)[] = [];
  if (id !== undefined) tests.push((container) => container.id.startsWith(id));
  if (sandboxId !== undefined) tests.push((container) => container.sandboxId.startsWith(sandboxId));
  if (state !== undefined) tests.push((container) => listedState(container) === state);
  if (hasAny(labels)) tests.push((container) => hasLabels(container.spec.labels, labels));
  return select(all, tests);
}

/** A container that is being started is a created one to callers. */
export function listedState({ state }: Pick<Container, 'state'>): ContainerFilter['state'] {
  switch (state.phase) {
    case 'creating':
    case 'created':
    case 'starting':
      return 'created';
    case 'running':
    case 'exited':
    case 'unknown':
      return state.phase;
  }
}

function select<T>(all: readonly T[], tests: readonly ((item: T) => boolean)[]): readonly T[] {
  return tests.length === 0 ? all : all.filter((item) => tests.every((test) => test(item)));
}

function hasAny(labels: StringMap): boolean {
  return Object.keys(labels).length > 0;
}

function hasLabels(labels: StringMap, wanted: StringMap): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}
