import { describe, expect, it } from 'vitest';
import { newSandboxId } from '../../ids.ts';
import { containerPath, podParent, specPath } from './paths.ts';

const ID = newSandboxId();

describe('podParent()', () => {
  it('is a cgroup of its own where the pod names none', () => {
    expect(podParent('cgroupfs', ID, undefined)).toBe(`/davit/${ID}`);
    expect(podParent('systemd', ID, undefined)).toBe('/davit.slice');
  });

  it('is what the pod names', () => {
    expect(podParent('cgroupfs', ID, '/kubepods//burstable/pod1/')).toBe('/kubepods/burstable/pod1');
    expect(podParent('cgroupfs', ID, '/')).toBe('/');
  });

  it('is the whole path of a slice for systemd, whether the path or the name was given', () => {
    const path = '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice';
    expect(podParent('systemd', ID, path)).toBe(path);
    expect(podParent('systemd', ID, 'kubepods-burstable-pod1_2.slice')).toBe(path);
    expect(podParent('systemd', ID, 'system.slice')).toBe('/system.slice');
  });

  it.each(['kubepods', '', '/a/../../b', '/a\0'])('refuses %j for cgroupfs', (parent) => {
    expect(() => podParent('cgroupfs', ID, parent)).toThrow('config.linux.cgroup_parent');
  });

  it.each(['/kubepods/burstable', '-.slice', '/a--b.slice', 'a-.slice', '.slice', '/x/a;b.slice'])(
    'refuses %j for systemd',
    (parent) => {
      expect(() => podParent('systemd', ID, parent)).toThrow('config.linux.cgroup_parent');
    },
  );
});

describe('containerPath() and specPath()', () => {
  it('say the same for cgroupfs', () => {
    expect(containerPath('cgroupfs', '/kubepods/pod1', 'c1')).toBe('/kubepods/pod1/c1');
    expect(specPath('cgroupfs', '/kubepods/pod1', 'c1')).toBe('/kubepods/pod1/c1');
    expect(containerPath('cgroupfs', '/', 'c1')).toBe('/c1');
  });

  it('say where the scope is and how systemd is asked for it', () => {
    expect(containerPath('systemd', '/a.slice/a-b.slice', 'c1')).toBe('/a.slice/a-b.slice/davit-c1.scope');
    expect(specPath('systemd', '/a.slice/a-b.slice', 'c1')).toBe('a-b.slice:davit:c1');
  });
});
