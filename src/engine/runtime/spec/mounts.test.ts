import { describe, expect, it } from 'vitest';
import type { MountSpec } from '../../types/index.ts';
import { containerMounts } from './mounts.ts';
import type { MountsInput, MountsPlan, SpecMount } from './mounts.ts';

const FILES = { resolvConf: '/p/resolv', hosts: '/p/hosts', hostname: '/p/hostname', shm: '/p/shm' };

function mount(containerPath: string, more: Partial<MountSpec> = {}): SpecMount {
  const spec: MountSpec = {
    containerPath,
    hostPath: `/host${containerPath}`,
    readonly: false,
    propagation: 'private',
    selinuxRelabel: false,
    ...more,
  };
  return { spec, source: spec.hostPath };
}

function plan(mounts: readonly SpecMount[], more: Partial<MountsInput> = {}): MountsPlan {
  return containerMounts({
    mounts,
    volumes: [],
    podFiles: FILES,
    readonlyRootfs: false,
    privileged: false,
    cgroupWritable: false,
    nodeNetwork: false,
    ...more,
  });
}

function sysfs(more: Partial<MountsInput>): unknown {
  return plan([], more).mounts.find(({ destination }) => destination === '/sys');
}

function destinations(made: MountsPlan): readonly string[] {
  return made.mounts.map(({ destination }) => destination);
}

describe('containerMounts()', () => {
  it('makes a mount read-only with all below it, and adds the options asked for', () => {
    const made = plan([
      mount('/a', { readonly: true, recursiveReadOnly: true }),
      mount('/b', { readonly: true, options: ['noexec', 'nosuid'] }),
    ]);
    const options = new Map(made.mounts.map((one) => [one.destination, one.options]));
    expect(options.get('/a')).toEqual(['rbind', 'rprivate', 'rro']);
    expect(options.get('/b')).toEqual(['rbind', 'rprivate', 'ro', 'noexec', 'nosuid']);
  });

  it('shows the sysfs of the node, read-only, to a user namespace in the network of the node', () => {
    const idMap = { hostId: 65_536, length: 65_536 };
    const options = ['rbind', 'rprivate', 'rro', 'nosuid', 'noexec', 'nodev'];
    expect(sysfs({ idMap, nodeNetwork: true })).toEqual({ destination: '/sys', type: 'bind', source: '/sys', options });
    expect(sysfs({ idMap })).toMatchObject({ type: 'sysfs' });
    expect(sysfs({ nodeNetwork: true })).toMatchObject({ type: 'sysfs' });
  });

  it('makes what every container has, and the files of the pod', () => {
    const made = plan([]);
    expect(destinations(made)).toEqual([
      '/proc',
      '/dev',
      '/dev/pts',
      '/dev/mqueue',
      '/sys',
      '/sys/fs/cgroup',
      '/etc/hostname',
      '/etc/hosts',
      '/etc/resolv.conf',
      '/dev/shm',
    ]);
    const options = Object.fromEntries(made.mounts.map((mount) => [mount.destination, mount.options]));
    expect(options['/sys']).toContain('ro');
    expect(options['/sys/fs/cgroup']).toContain('ro');
    expect(options['/etc/hosts']).toEqual(['rbind', 'rprivate', 'rw']);
    expect(made.root).toEqual({});
  });

  it('makes the files of the pod read-only with the root, but not the shared memory', () => {
    const options = Object.fromEntries(
      plan([], { readonlyRootfs: true }).mounts.map((mount) => [mount.destination, mount.options]),
    );
    expect(options['/etc/resolv.conf']).toContain('ro');
    expect(options['/dev/shm']).toContain('rw');
  });

  it('mounts parents before what lies below them', () => {
    const order = destinations(plan([mount('/a/b/c'), mount('/a'), mount('/z'), mount('/a/b')]));
    expect(order.filter((path) => /^\/[az]/.test(path))).toEqual(['/a', '/z', '/a/b', '/a/b/c']);
  });

  it('passes read-only and propagation on, to the root as well', () => {
    const slave = plan([mount('/a', { readonly: true, propagation: 'host-to-container' })]);
    expect(slave.mounts.find(({ destination }) => destination === '/a')).toEqual({
      destination: '/a',
      type: 'bind',
      source: '/host/a',
      options: ['rbind', 'rslave', 'ro'],
    });
    expect(slave.root).toEqual({ rootfsPropagation: 'rslave' });
    const shared = plan([
      mount('/a', { propagation: 'host-to-container' }),
      mount('/b', { propagation: 'bidirectional' }),
    ]);
    expect(shared.root).toEqual({ rootfsPropagation: 'rshared' });
  });

  it('lets a mount of the request take the place of a file of the pod', () => {
    const made = plan([mount('/etc/hosts/'), mount('/dev/shm')]);
    expect(made.mounts.filter(({ destination }) => destination === '/etc/hosts')).toHaveLength(1);
    expect(made.mounts.find(({ destination }) => destination === '/etc/hosts')?.source).toBe('/host/etc/hosts/');
    expect(made.mounts.find(({ destination }) => destination === '/dev/shm')?.source).toBe('/host/dev/shm');
  });

  it('leaves out what a mount of the request would hide, but keeps the files of the pod on top', () => {
    const order = destinations(plan([mount('/dev'), mount('/sys'), mount('/etc')]));
    expect(order).toEqual([
      '/proc',
      '/dev',
      '/sys',
      '/etc',
      '/etc/hostname',
      '/etc/hosts',
      '/etc/resolv.conf',
      '/dev/shm',
    ]);
  });

  it('counts the last of two mounts on one place and says so', () => {
    const made = plan([mount('/a'), mount('/a/.', { hostPath: '/other' })]);
    expect(made.mounts.filter(({ destination }) => destination === '/a').map(({ source }) => source)).toEqual([
      '/other',
    ]);
    expect(made.notices).toEqual(['config.mounts[1].container_path: /a is mounted twice; the last one counts']);
  });

  it.each(['', 'a', '/', '/a/..', '/a\0'])('refuses the container path %j', (path) => {
    expect(() => plan([mount('/ok'), mount(path)])).toThrow('config.mounts[1].container_path');
  });
});
