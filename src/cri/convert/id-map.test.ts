import { describe, expect, it } from 'vitest';
import { NamespaceMode, NamespaceOption } from '../generated/cri.js';
import type { IUserNamespace } from '../generated/cri.js';
import { toMountIdMap, toUserNamespace } from './id-map.ts';
import { fromSandboxNamespaces, toContainerPid, toSandboxNamespaces } from './namespaces.ts';

const { POD, CONTAINER, NODE, TARGET } = NamespaceMode;
const ONE = { hostId: 65_536, containerId: 0, length: 65_536 };
const MAP = { hostId: 65_536, length: 65_536 };

function options(usernsOptions: IUserNamespace): NamespaceOption {
  return NamespaceOption.decode(NamespaceOption.encode({ pid: CONTAINER, usernsOptions }).finish());
}

function map(usernsOptions: IUserNamespace) {
  return toUserNamespace('u', options(usernsOptions).usernsOptions);
}

describe('toUserNamespace()', () => {
  it('K23: takes one range, the same for users and groups, and gives it back as it was', () => {
    const asked = { mode: POD, uids: [ONE], gids: [ONE] };
    expect(map(asked)).toEqual(MAP);
    const namespaces = toSandboxNamespaces('n', options(asked));
    expect(namespaces.user).toEqual(MAP);
    expect(fromSandboxNamespaces(namespaces).usernsOptions).toEqual(asked);
  });

  it("is the node's where nothing or NODE is asked for", () => {
    expect(toUserNamespace('u', null)).toBeUndefined();
    expect(map({ mode: NODE })).toBeUndefined();
  });

  it.each<[string, IUserNamespace]>([
    ['u.uids: must be one mapping, got 0', { mode: POD }],
    ['u.uids: must be one mapping, got 2', { mode: POD, uids: [ONE, ONE], gids: [ONE] }],
    ['u.gids: must be one mapping, got 0', { mode: POD, uids: [ONE] }],
    ['u.gids: must be the same as uids', { mode: POD, uids: [ONE], gids: [{ ...ONE, hostId: 1 }] }],
    ['u.uids[0].container_id: must be 0', { mode: POD, uids: [{ ...ONE, containerId: 1 }], gids: [ONE] }],
    ['u.uids[0].length: must not be 0', { mode: POD, uids: [{ ...ONE, length: 0 }], gids: [ONE] }],
    ['u.uids[0]: goes beyond', { mode: POD, uids: [{ ...ONE, hostId: 2 ** 32 - 9 }], gids: [ONE] }],
    ['u: has mappings', { mode: NODE, uids: [ONE] }],
    ['u.mode: must be POD or NODE, got CONTAINER', { mode: CONTAINER }],
    ['u.mode: must be POD or NODE, got TARGET', { mode: TARGET }],
  ])('K23: refuses: %s', (message, asked) => {
    expect(() => map(asked)).toThrow(message);
  });

  it('owns PIDs and IPC of the pod; its network may be the node’s', () => {
    const asked = { mode: POD, uids: [ONE], gids: [ONE] };
    const namespaces = (more: object) => toSandboxNamespaces('n', Object.assign(options(asked), more));
    expect(() => namespaces({ ipc: NODE })).toThrow('n.ipc: is NODE');
    expect(() => namespaces({ pid: NODE })).toThrow('n.pid: is NODE');
    expect(namespaces({ network: NODE })).toMatchObject({ network: 'node', user: MAP });
  });

  it("is a container's as its pod's", () => {
    const pod = toSandboxNamespaces('n', options({ mode: POD, uids: [ONE], gids: [ONE] }));
    expect(toContainerPid('n', null, pod)).toBe('container');
    expect(() => toContainerPid('n', options({ mode: NODE }), pod)).toThrow('n.userns_options: differs');
  });
});

describe('toMountIdMap()', () => {
  it("takes the pod's own mapping and no other", () => {
    expect(toMountIdMap('m', { uidMappings: [], gidMappings: [] }, MAP)).toBeUndefined();
    const { uids, gids } = options({ mode: POD, uids: [ONE], gids: [ONE] }).usernsOptions ?? { uids: [], gids: [] };
    expect(toMountIdMap('m', { uidMappings: uids, gidMappings: gids }, MAP)).toEqual(MAP);
    expect(() => toMountIdMap('m', { uidMappings: uids, gidMappings: gids }, undefined)).toThrow('m.uidMappings');
    expect(() => toMountIdMap('m', { uidMappings: uids, gidMappings: [] }, MAP)).toThrow('m.gidMappings');
  });
});
