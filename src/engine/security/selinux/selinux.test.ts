import { describe, expect, it } from 'vitest';
import type { SelinuxOptions } from '../../types/index.ts';
import { selinuxLabels } from './selinux-labels.ts';
import type { SelinuxLabels, LabelRequest } from './selinux-labels.ts';
import { parseContexts, policyName } from './contexts.ts';
import type { SelinuxContexts } from './contexts.ts';
import { formatLabel, parseLabel } from './label.ts';
import { pickLevel } from './level.ts';
import { planRelabel } from './relabel.ts';

/** As container-selinux installs it. */
const LXC_CONTEXTS = `process = "system_u:system_r:container_t:s0"
content = "system_u:object_r:virt_var_lib_t:s0"
file = "system_u:object_r:container_file_t:s0"
ro_file="system_u:object_r:container_ro_file_t:s0"
sandbox_kvm_process = "system_u:system_r:svirt_qemu_net_t:s0"
`;

describe('parseLabel() and formatLabel()', () => {
  it.each(['system_u:system_r:container_t:s0:c1,c2', 'u:r:t', 'a:b:c:s0-s15:c0.c1023'])('keep %s', (text) => {
    const label = parseLabel(text);
    expect(label === undefined ? undefined : formatLabel(label)).toBe(text);
  });

  it.each(['', 'a', 'a:b', 'a::c:s0'])('know that %j is none', (text) => expect(parseLabel(text)).toBeUndefined());
});

describe('policyName()', () => {
  it('finds the policy in use', () => {
    expect(policyName('# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n')).toBe('targeted');
    expect(policyName('SELINUX=enforcing\n# SELINUXTYPE=mls')).toBeUndefined();
    expect(policyName('SELINUXTYPE=../../etc')).toBeUndefined();
  });
});

describe('parseContexts()', () => {
  it("reads the policy's file", () => {
    expect(parseContexts(LXC_CONTEXTS)).toEqual({
      process: { user: 'system_u', role: 'system_r', type: 'container_t', level: 's0' },
      file: { user: 'system_u', role: 'object_r', type: 'container_file_t', level: 's0' },
      sharedFile: { user: 'system_u', role: 'object_r', type: 'container_ro_file_t', level: 's0' },
    });
    const older = parseContexts('process = "a:b:c:s0"\nfile = "d:e:f:s0"\n');
    expect(older?.sharedFile).toEqual(older?.file);
  });

  it('knows none where the policy has none for containers', () => {
    expect(parseContexts('process = "system_u:system_r:container_t:s0"\nfile = ""\n')).toBeUndefined();
  });
});

describe('selinuxLabels()', () => {
  const contexts = parseContexts(LXC_CONTEXTS) as SelinuxContexts;

  function labels(options?: SelinuxOptions, more: Partial<LabelRequest> = {}): SelinuxLabels {
    return selinuxLabels(contexts, {
      options,
      podOptions: undefined,
      podLevel: 's0:c1,c2',
      privileged: false,
      ...more,
    });
  }

  it("are the policy's with the level of the pod when nothing is asked for", () => {
    expect(labels()).toEqual({
      process: 'system_u:system_r:container_t:s0:c1,c2',
      mount: 'system_u:object_r:container_file_t:s0:c1,c2',
    });
  });

  it('take what is asked for, and the rest from the policy', () => {
    expect(labels({ level: 's0' })).toEqual({
      process: 'system_u:system_r:container_t:s0',
      mount: 'system_u:object_r:container_file_t:s0',
    });
    expect(labels({ type: 'svirt_lxc_net_t' })).toEqual({
      process: 'system_u:system_r:svirt_lxc_net_t:s0:c1,c2',
      mount: 'system_u:object_r:container_file_t:s0:c1,c2',
    });
    expect(labels({ user: 'u', role: 'r', type: 't', level: 's0:c4,c5' })).toEqual({
      process: 'u:r:t:s0:c4,c5',
      mount: 'u:object_r:container_file_t:s0:c4,c5',
    });
  });

  it("take the pod's options where the container has none, and its level where the container has none", () => {
    const podOptions = { type: 'pod_t', level: 's0:c7,c8' };
    expect(labels(undefined, { podOptions }).process).toBe('system_u:system_r:pod_t:s0:c7,c8');
    expect(labels({ role: 'r' }, { podOptions }).process).toBe('system_u:r:container_t:s0:c7,c8');
  });

  it('leave a privileged process without one, but not its files', () => {
    expect(labels({ type: 't' }, { privileged: true })).toEqual({
      mount: 'system_u:object_r:container_file_t:s0:c1,c2',
    });
  });
});

describe('pickLevel()', () => {
  it('takes two different categories in order, and none that a pod has', () => {
    const numbers = [5, 5, 9, 3, 1023, 0];
    const level = pickLevel(new Set(['s0:c3,c9']), 1024, () => numbers.shift() ?? 0);
    expect(level).toBe('s0:c0,c1023');
  });

  it('gives up when all are taken', () => {
    expect(() => pickLevel(new Set(), 64, (below) => below - 1)).toThrow('no SELinux level of 64 categories is free');
  });
});

function mount(source: string, selinuxRelabel = true) {
  return { spec: { selinuxRelabel }, source };
}

describe('planRelabel()', () => {
  it('takes what is asked for, once', () => {
    const mounts = [
      mount('/var/lib/kubelet/pods/1/volumes/a'),
      mount('/srv/data', false),
      mount('/srv/x'),
      mount('/srv/x'),
    ];
    expect(planRelabel(mounts)).toEqual({ paths: ['/var/lib/kubelet/pods/1/volumes/a', '/srv/x'], notices: [] });
  });

  it.each(['/etc/hosts', '/etc/resolv.conf', '/etc', '/', '/usr/share/x', '/var/lib', '/proc/1', '/dev/shm', '/tmp'])(
    'CVE-2021-43816: %s keeps its label, and the operator is told',
    (path) => {
      expect(planRelabel([mount('/srv/x', false), mount(path)])).toEqual({
        paths: [],
        notices: [`config.mounts[1].selinux_relabel: ${path} belongs to the node and keeps its own label`],
      });
    },
  );
});
