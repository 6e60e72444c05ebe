import { describe, expect, it } from 'vitest';
import type { SandboxNamespaces } from '../../engine/index.ts';
import { NamespaceMode, NamespaceOption } from '../generated/cri.js';
import type { INamespaceOption } from '../generated/cri.js';
import { fromSandboxNamespaces, toContainerPid, toSandboxNamespaces } from './namespaces.ts';

const { POD, CONTAINER, NODE, TARGET } = NamespaceMode;
const OWN: SandboxNamespaces = { network: 'pod', pid: 'container', ipc: 'pod' };
const HOST: SandboxNamespaces = { network: 'node', pid: 'node', ipc: 'node' };

function options(fields: INamespaceOption): NamespaceOption {
  return NamespaceOption.decode(NamespaceOption.encode(fields).finish());
}

describe('toSandboxNamespaces()', () => {
  it('takes absent options for zero ones: the pod shares its PIDs', () => {
    expect(toSandboxNamespaces('n', null)).toEqual({ network: 'pod', pid: 'pod', ipc: 'pod' });
    expect(toSandboxNamespaces('n', options({}))).toEqual({ network: 'pod', pid: 'pod', ipc: 'pod' });
  });

  it.each([
    { network: POD, pid: POD, ipc: POD },
    { network: NODE, pid: NODE, ipc: NODE },
    { network: POD, pid: CONTAINER, ipc: NODE },
  ])('is given back as it was asked: %j', (fields) =>
    expect(fromSandboxNamespaces(toSandboxNamespaces('n', options(fields)))).toEqual(fields),
  );

  it.each<[INamespaceOption, string]>([
    [{ network: CONTAINER }, 'n.network: must be POD or NODE, got CONTAINER'],
    [{ ipc: TARGET }, 'n.ipc: must be POD or NODE, got TARGET'],
    [{ pid: TARGET }, 'n.pid: must be POD, CONTAINER or NODE, got TARGET'],
    [{ pid: JSON.parse('9') }, 'n.pid: must be POD, CONTAINER or NODE, got 9'],
  ])('refuses %j', (fields, problem) => {
    expect(() => toSandboxNamespaces('n', options(fields))).toThrow(problem);
  });
});

describe('toContainerPid()', () => {
  it('takes POD for what the pod has', () => {
    expect(toContainerPid('n', null, OWN)).toBe('container');
    expect(toContainerPid('n', options({ pid: POD }), { ...OWN, pid: 'pod' })).toBe('pod');
    expect(toContainerPid('n', options({}), HOST)).toBe('node');
  });

  it('takes each mode', () => {
    expect(toContainerPid('n', options({ pid: CONTAINER }), OWN)).toBe('container');
    expect(toContainerPid('n', options({ pid: NODE }), OWN)).toBe('node');
    expect(toContainerPid('n', options({ pid: TARGET, targetId: 'abc' }), OWN)).toEqual({ target: 'abc' });
    expect(toContainerPid('n', options({ network: NODE, ipc: NODE, pid: NODE }), HOST)).toBe('node');
  });

  it.each<[INamespaceOption, string]>([
    [{ network: NODE }, "n.network: is NODE, but the pod's sandbox has a namespace of its own"],
    [{ ipc: NODE }, "n.ipc: is NODE, but the pod's sandbox has a namespace of its own"],
    [{ network: CONTAINER }, 'n.network: must be POD or NODE, got CONTAINER'],
    [{ pid: TARGET }, 'n.target_id: is required'],
    [{ pid: POD, targetId: 'abc' }, 'n.target_id: is only for pid TARGET'],
    [{ pid: JSON.parse('7') }, 'n.pid: must be POD, CONTAINER, NODE or TARGET, got 7'],
  ])('refuses %j', (fields, problem) => {
    expect(() => toContainerPid('n', options(fields), OWN)).toThrow(problem);
  });
});
