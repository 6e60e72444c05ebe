import { describe, expect, it } from 'vitest';
import { newSandboxId } from '../../ids.ts';
import type { SandboxSecurity } from '../../types/index.ts';
import type { OciSpec } from './oci.ts';
import { pauseSpec } from './pause-spec.ts';
import type { PauseSpecInput } from './pause-spec.ts';
import { hostFacts } from './test-input.ts';

const ID = newSandboxId();

function build(security: Partial<SandboxSecurity> = {}, more: Partial<PauseSpecInput> = {}): OciSpec {
  return pauseSpec({ ...input(security), ...more });
}

function input(security: Partial<SandboxSecurity> = {}): PauseSpecInput {
  return {
    sandboxId: ID,
    spec: {
      metadata: { name: 'web-0', uid: 'u1', namespace: 'shop', attempt: 0 },
      annotations: { 'io.example/a': '1', 'io.other/b': '2' },
      privileged: false,
      namespaces: { network: 'pod', pid: 'pod', ipc: 'pod' },
      security: {
        supplementalGroups: [],
        readonlyRootfs: false,
        seccomp: { kind: 'unconfined' },
        apparmor: { kind: 'runtime-default' },
        ...security,
      },
    },
    handler: { defaultAnnotations: { 'io.d/e': '3' }, podAnnotations: ['io.example/*'], containerAnnotations: [] },
    namespaces: { network: '/run/ns/net', ipc: '/run/ns/ipc' },
    cgroupsPath: `/davit/${ID}/${ID}`,
    host: hostFacts(),
    profiles: {},
  };
}

describe('pauseSpec()', () => {
  it('holds a new PID namespace and joins the others of the pod', () => {
    expect(build().linux.namespaces).toEqual([
      { type: 'pid' },
      { type: 'mount' },
      { type: 'network', path: '/run/ns/net' },
      { type: 'ipc', path: '/run/ns/ipc' },
    ]);
  });

  it('runs on the CPUs that the node keeps for such processes', () => {
    expect(build({}, { cpus: '0-1' }).linux.resources).toEqual({
      devices: [{ allow: false, access: 'rwm' }],
      cpu: { cpus: '0-1' },
    });
    expect(build().linux.resources).not.toHaveProperty('cpu');
  });

  it("carries the pod's annotations that its handler lets through", () => {
    expect(build().annotations).toMatchObject({ 'io.example/a': '1', 'io.d/e': '3' });
    expect(build().annotations).not.toHaveProperty(['io.other/b']);
  });

  it('tells how much the pod may take, for shims that make a machine of that size', () => {
    const { spec } = input();
    const resources = { cpuPeriodUs: 100_000, cpuQuotaUs: 50_000, cpuShares: 512, memoryLimitBytes: 1024 };
    expect(build({}, { spec: { ...spec, resources } }).annotations).toMatchObject({
      'io.kubernetes.cri.sandbox-cpu-period': '100000',
      'io.kubernetes.cri.sandbox-cpu-quota': '50000',
      'io.kubernetes.cri.sandbox-cpu-shares': '512',
      'io.kubernetes.cri.sandbox-memory': '1024',
    });
    expect(Object.keys(build().annotations).filter((name) => /cpu|memory/.test(name))).toEqual([]);
  });

  it('has no right to anything', () => {
    const { process, root, linux, mounts } = build();
    expect(process).toMatchObject({
      args: ['/pause'],
      user: { uid: 65_535, gid: 65_535 },
      capabilities: { bounding: [], effective: [], permitted: [] },
      noNewPrivileges: true,
      oomScoreAdj: -998,
    });
    expect(root.readonly).toBe(true);
    expect(linux.resources).toEqual({ devices: [{ allow: false, access: 'rwm' }] });
    expect(mounts.map(({ destination }) => destination)).toEqual(['/proc', '/dev']);
  });

  it('runs as the user that the pod names', () => {
    expect(build({ runAsUser: 5, runAsGroup: 6, supplementalGroups: [7] }).process.user).toEqual({
      uid: 5,
      gid: 6,
      additionalGids: [6, 7],
    });
    expect(build({ runAsUser: 5 }).process.user.gid).toBe(0);
  });

  it('has the profiles that the pod asks for', () => {
    expect(build()).not.toHaveProperty('linux.seccomp');
    const { linux, process } = build({ seccomp: { kind: 'runtime-default' } }, { profiles: { apparmorProfile: 'x' } });
    expect(linux.seccomp?.syscalls.find(({ names }) => names.includes('clone3'))?.action).toBe('SCMP_ACT_ERRNO');
    expect(process.apparmorProfile).toBe('x');
  });

  it('belongs to the shim of the pod', () => {
    expect(build().annotations).toMatchObject({
      'io.containerd.runc.v2.group': ID,
      'io.kubernetes.cri.container-type': 'sandbox',
      'io.kubernetes.cri.sandbox-id': ID,
    });
  });
});
