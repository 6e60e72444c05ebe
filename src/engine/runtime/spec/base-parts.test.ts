import { describe, expect, it } from 'vitest';
import { parseBaseSpec } from '../base-spec/parse-base-spec.ts';
import { containerSpec } from './container-spec.ts';
import type { ContainerSpecInput } from './container-spec.ts';
import type { OciSpec } from './oci.ts';
import { containerRequest, hostFacts, specInput } from './test-input.ts';

const NULL = { path: '/dev/mine', type: 'c', major: 1, minor: 3 } as const;

function build(document: object, more: Partial<ContainerSpecInput> = {}): OciSpec {
  const { spec: base } = parseBaseSpec(JSON.stringify(document), '/base.json');
  return containerSpec(specInput({ base, ...more })).spec;
}

function mountAt(spec: OciSpec, destination: string): string | undefined {
  return spec.mounts.find((mount) => mount.destination === destination)?.source;
}

describe('containerSpec() on a base spec', () => {
  it('begins with its variables, limits and umask, under those of node, image and request', () => {
    const rlimits = ['RLIMIT_NOFILE', 'RLIMIT_CORE'].map((type) => ({ type, soft: 1, hard: 1 }));
    const document = { process: { env: ['LANG=base', 'ONE=base', 'TWO=base'], rlimits, user: { umask: 0o77 } } };
    const defaults = { ...specInput().defaults, env: ['ONE=node'], ulimits: { nofile: '5:6' } };
    const { process } = build(document, { defaults });
    expect(process.env).toEqual(expect.arrayContaining(['LANG=C', 'ONE=node', 'TWO=base']));
    expect(process.rlimits).toEqual([
      { type: 'RLIMIT_NOFILE', soft: 5, hard: 6 },
      { type: 'RLIMIT_CORE', soft: 1, hard: 1 },
    ]);
    expect(process.user.umask).toBe(0o77);
    expect(build(document, { defaults: { ...defaults, umask: '0002' } }).process.user.umask).toBe(2);
  });

  it('has its mounts where davit and the request mount nothing, in the order of their depth', () => {
    const mounts = ['/run', '/run/deep/below', '/proc', '/etc/hosts', '/vol', '/volume'].map((destination) => ({
      destination,
      source: '/base',
      type: 'bind',
      options: ['rbind'],
    }));
    const volume = { containerPath: '/vol', hostPath: '/asked', readonly: false, selinuxRelabel: false };
    const spec = build(
      { mounts },
      {
        mounts: [{ spec: { ...volume, propagation: 'private' }, source: '/asked' }],
        volumes: [{ containerPath: '/volume', source: '/declared' }],
      },
    );
    const at = (destination: string): string | undefined => mountAt(spec, destination);
    expect([at('/run'), at('/run/deep/below'), at('/proc')]).toEqual(['/base', '/base', 'proc']);
    expect([at('/etc/hosts'), at('/vol'), at('/volume')]).toEqual(['/run/pod1/hosts', '/asked', '/declared']);
    const places = spec.mounts.map(({ destination }) => destination);
    expect(places.indexOf('/run')).toBeLessThan(places.indexOf('/etc/hosts'));
    expect(new Set(places).size).toBe(places.length);
  });

  it('has its hooks, annotations, devices and what is the runtime’s alone, below davit’s own', () => {
    const hooks = { poststop: [{ path: '/bin/x' }] };
    const spec = build({
      hooks,
      annotations: { 'io.example/a': '1', 'io.kubernetes.cri.sandbox-id': 'forged' },
      linux: { devices: [NULL], resources: { pids: { limit: 9 } }, personality: { domain: 'LINUX' } },
    });
    expect(spec.hooks).toEqual(hooks);
    expect(spec.annotations).toMatchObject({ 'io.example/a': '1', 'io.kubernetes.cri.sandbox-id': 'pod1' });
    expect(spec.linux.devices).toMatchObject([NULL]);
    expect(spec.linux).toMatchObject({ personality: { domain: 'LINUX' }, resources: { pids: { limit: 9 } } });
    expect(spec.linux.resources.devices).toContainEqual({ allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' });
    expect(build({})).not.toHaveProperty('hooks');
  });

  it('gives way with its devices to those of the node’s choice, rights and all', () => {
    const device = { ...NULL, minor: 5, fileMode: 0o600, uid: 0, gid: 0 };
    const spec = build({ linux: { devices: [NULL] } }, { additionalDevices: [{ device, permissions: 'r' }] });
    expect(spec.linux.devices).toEqual([device]);
    expect(spec.linux.resources.devices).toHaveLength(2);
  });

  it('has its unified values under the request’s, and none of them without cgroup v2', () => {
    const document = { linux: { resources: { unified: { 'memory.high': '1', 'io.weight': '2' } } } };
    const spec = containerRequest({ resources: { unified: { 'memory.high': '3' } } });
    expect(build(document, { spec }).linux.resources.unified).toEqual({ 'memory.high': '3', 'io.weight': '2' });
    const host = hostFacts({ cgroup: { mode: 'hybrid', hierarchies: [] } });
    expect(() => build(document, { host })).toThrow('base_runtime_spec: linux.resources.unified: needs cgroup v2');
  });

  it('shares nothing with the specs of other containers', () => {
    const { spec: base } = parseBaseSpec(JSON.stringify({ linux: { resources: { pids: { limit: 9 } } } }), '/b');
    const [first, second] = [containerSpec(specInput({ base })).spec, containerSpec(specInput({ base })).spec];
    expect(first.linux.resources).toEqual(second.linux.resources);
    expect(Object.values(first.linux.resources)).not.toContain(Object.values(base.resources)[0]);
  });
});
