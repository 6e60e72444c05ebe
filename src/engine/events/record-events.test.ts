import { describe, expect, it } from 'vitest';
import { containerRecord, sandboxRecord } from '../store/test-records.ts';
import type { ContainerState, SandboxState } from '../types/index.ts';
import { containerEvents, sandboxEvents } from './record-events.ts';

const EXITED: ContainerState = { phase: 'exited', finishedAt: 2n, exitCode: 3, reason: 'Error', message: 'why' };
const RUNNING: ContainerState = { phase: 'running', startedAt: 1n, pid: 7 };

function ofContainer(before: ContainerState | undefined, after: ContainerState | undefined): readonly string[] {
  const record = containerRecord();
  const inState = (state: ContainerState | undefined) => (state === undefined ? undefined : { ...record, state });
  return containerEvents(inState(before), inState(after), undefined).map(({ action }) => action);
}

function ofSandbox(before: SandboxState | undefined, after: SandboxState | undefined): readonly string[] {
  const record = sandboxRecord();
  const inState = (state: SandboxState | undefined) => (state === undefined ? undefined : { ...record, state });
  return sandboxEvents(inState(before), inState(after)).map(({ action }) => action);
}

describe('containerEvents()', () => {
  it.each([
    [undefined, { phase: 'creating' }, []],
    [{ phase: 'creating' }, undefined, []],
    [{ phase: 'creating' }, { phase: 'created' }, ['created']],
    [{ phase: 'created' }, { phase: 'starting' }, []],
    [{ phase: 'starting' }, RUNNING, ['started']],
    [RUNNING, RUNNING, []],
    [RUNNING, EXITED, ['stopped']],
    [{ phase: 'starting' }, EXITED, ['stopped']],
    [{ phase: 'creating' }, EXITED, ['created', 'stopped']],
    [EXITED, undefined, ['deleted']],
    [{ phase: 'created' }, undefined, ['deleted']],
    [RUNNING, { phase: 'unknown', reason: 'r' }, []],
    [{ phase: 'unknown', reason: 'r' }, EXITED, ['stopped']],
    [RUNNING, { ...EXITED, reason: 'OOMKilled' }, ['oom', 'stopped']],
  ] as const)('tells change %# of a state', (before, after, actions) => {
    expect(ofContainer(before, after)).toEqual(actions);
  });

  it('says how a container ended, and in which pod', () => {
    const record = containerRecord();
    const pod = sandboxRecord().spec.metadata;
    const [event] = containerEvents({ ...record, state: RUNNING }, { ...record, state: EXITED }, pod);
    expect(event).toMatchObject({
      object: 'container',
      id: record.id,
      sandboxId: record.sandboxId,
      pod: { namespace: pod.namespace, name: pod.name, uid: pod.uid },
      containerName: record.spec.metadata.name,
      attributes: { exit_code: '3', reason: 'Error', message: 'why', image_id: record.imageId },
    });
  });
});

describe('sandboxEvents()', () => {
  it.each([
    [undefined, { phase: 'creating' }, []],
    [{ phase: 'creating' }, { phase: 'ready' }, ['created', 'started']],
    [{ phase: 'creating' }, undefined, []],
    [{ phase: 'ready' }, { phase: 'not-ready', reason: 'r', since: 1n }, ['stopped']],
    [{ phase: 'creating' }, { phase: 'not-ready', reason: 'r', since: 1n }, ['created', 'stopped']],
    [{ phase: 'not-ready', reason: 'r', since: 1n }, undefined, ['deleted']],
    [{ phase: 'ready' }, undefined, ['deleted']],
  ] as const)('tells change %# of a state', (before, after, actions) => {
    expect(ofSandbox(before, after)).toEqual(actions);
  });
});
