import { describe, expect, it } from 'vitest';
import { EngineError } from '../../engine/index.ts';
import type { Sandbox } from '../../engine/index.ts';
import { aSandbox, aSandboxId } from '../fake-engine.ts';
import {
  NamespaceMode,
  PodSandbox,
  PodSandboxFilter,
  PodSandboxState,
  PodSandboxStatus,
  Protocol,
  RunPodSandboxRequest,
  SecurityProfile,
} from '../generated/cri.js';
import type { IPodSandboxConfig, IPodSandboxFilter, IRunPodSandboxRequest } from '../generated/cri.js';
import { toSandboxFilter, toSandboxSpec } from './sandbox.ts';
import { fromSandbox, fromSandboxStatus } from './sandbox-status.ts';

const METADATA = { name: 'web', uid: 'u-1', namespace: 'default', attempt: 2 };

function convert(request: IRunPodSandboxRequest) {
  return toSandboxSpec(RunPodSandboxRequest.decode(RunPodSandboxRequest.encode(request).finish()));
}

function filterOf(fields: IPodSandboxFilter): PodSandboxFilter {
  return PodSandboxFilter.decode(PodSandboxFilter.encode(fields).finish());
}

function statusOf(sandbox: Sandbox): PodSandboxStatus {
  return PodSandboxStatus.decode(PodSandboxStatus.encode(fromSandboxStatus(sandbox)).finish());
}

describe('toSandboxSpec()', () => {
  it('leaves absent what is not set', () => {
    expect(convert({ config: { metadata: METADATA } })).toEqual({
      metadata: METADATA,
      portMappings: [],
      labels: {},
      annotations: {},
      handler: '',
      sysctls: {},
      namespaces: { network: 'pod', pid: 'pod', ipc: 'pod' },
      privileged: false,
      security: {
        supplementalGroups: [],
        readonlyRootfs: false,
        seccomp: { kind: 'unset' },
        apparmor: { kind: 'runtime-default' },
      },
    });
  });

  it('carries all that is set', () => {
    const config: IPodSandboxConfig = {
      metadata: METADATA,
      hostname: 'web-0',
      logDirectory: '/var/log/pods/default_web_u-1',
      dnsConfig: { servers: ['10.0.0.10', 'fd00::a'], searches: ['svc.cluster.local'], options: ['ndots:5'] },
      portMappings: [
        { protocol: Protocol.UDP, containerPort: 53, hostPort: 5353, hostIp: '127.0.0.1' },
        { protocol: Protocol.TCP, containerPort: 80 },
      ],
      labels: { app: 'web' },
      annotations: { note: 'two\nlines' },
      linux: {
        cgroupParent: '/kubepods/burstable/podu-1',
        sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
        overhead: { memoryLimitInBytes: 1000 },
        resources: { cpuShares: 100 },
        securityContext: {
          namespaceOptions: { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER, ipc: NamespaceMode.NODE },
          runAsUser: { value: 1000 },
          runAsGroup: { value: 0 },
          supplementalGroups: [5, 6],
          readonlyRootfs: true,
          seccomp: { profileType: SecurityProfile.ProfileType.Localhost, localhostRef: '/p.json' },
          apparmor: { profileType: SecurityProfile.ProfileType.Unconfined },
          selinuxOptions: { type: 'web_t' },
        },
      },
    };
    expect(convert({ config, runtimeHandler: 'runc' })).toEqual({
      metadata: METADATA,
      hostname: 'web-0',
      logDirectory: '/var/log/pods/default_web_u-1',
      dns: { servers: ['10.0.0.10', 'fd00::a'], searches: ['svc.cluster.local'], options: ['ndots:5'] },
      portMappings: [{ protocol: 'udp', containerPort: 53, hostPort: 5353, hostIp: '127.0.0.1' }],
      labels: { app: 'web' },
      annotations: { note: 'two\nlines' },
      handler: 'runc',
      cgroupParent: '/kubepods/burstable/podu-1',
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
      namespaces: { network: 'node', pid: 'container', ipc: 'node' },
      privileged: false,
      security: {
        runAsUser: 1000,
        runAsGroup: 0,
        supplementalGroups: [5, 6],
        readonlyRootfs: true,
        seccomp: { kind: 'localhost', ref: '/p.json' },
        apparmor: { kind: 'unconfined' },
        selinux: { type: 'web_t' },
      },
      overhead: { memoryLimitBytes: 1000, oomScoreAdj: 0 },
      resources: { cpuShares: 100, oomScoreAdj: 0 },
    });
  });

  it('has no profiles of the request for a pod with privileged containers', () => {
    const securityContext = { privileged: true, seccomp: {}, seccompProfilePath: 'runtime/default', apparmor: {} };
    expect(convert({ config: { metadata: METADATA, linux: { securityContext } } })).toMatchObject({
      privileged: true,
      security: { seccomp: { kind: 'runtime-default' }, apparmor: { kind: 'unconfined' } },
    });
  });

  it("takes a sandbox's seccomp profile from the older field where the new one is absent", () => {
    const securityContext = { seccompProfilePath: 'runtime/default' };
    const { security } = convert({ config: { metadata: METADATA, linux: { securityContext } } });
    expect(security.seccomp).toEqual({ kind: 'runtime-default' });
  });

  it.each<[string, IPodSandboxConfig | null]>([
    ['config: is required', null],
    ['config.metadata: is required', {}],
    ['config.metadata.name: is required', { metadata: { ...METADATA, name: '' } }],
    ['config.metadata.uid: is required', { metadata: { ...METADATA, uid: '' } }],
    ['config.metadata.namespace: has a control character', { metadata: { ...METADATA, namespace: 'a\nb' } }],
    ['config.hostname: must be a host name', { metadata: METADATA, hostname: 'a b' }],
    ['config.hostname: must be a host name', { metadata: METADATA, hostname: 'a'.repeat(65) }],
    ['config.log_directory: must be an absolute path', { metadata: METADATA, logDirectory: 'logs' }],
    ['config.dns_config.servers[1]: must be an IP', { metadata: METADATA, dnsConfig: { servers: ['::1', 'dns'] } }],
    [
      'config.dns_config.options[0]: must be one word',
      { metadata: METADATA, dnsConfig: { options: ['a\nnameserver 6.6.6.6'] } },
    ],
    ['config.port_mappings[0].host_port: must be from 1', { metadata: METADATA, portMappings: [{ hostPort: 65_536 }] }],
    ['config.port_mappings[0].container_port: is required', { metadata: METADATA, portMappings: [{ hostPort: 1 }] }],
    ['config.port_mappings[0].host_ip: must be an IP', { metadata: METADATA, portMappings: [{ hostIp: 'all' }] }],
    ['config.linux.cgroup_parent: must not have ..', { metadata: METADATA, linux: { cgroupParent: '/a/../b' } }],
    ['config.linux.cgroup_parent: must be an absolute path', { metadata: METADATA, linux: { cgroupParent: 'a' } }],
    ['config.linux.sysctls["a=b"]: is not the name', { metadata: METADATA, linux: { sysctls: { 'a=b': '1' } } }],
    [
      'config.linux.security_context.run_as_group: needs run_as_user',
      { metadata: METADATA, linux: { securityContext: { runAsGroup: { value: 1 } } } },
    ],
    [
      'config.linux.security_context.supplemental_groups[0]: -1 is not a user or group id',
      { metadata: METADATA, linux: { securityContext: { supplementalGroups: [-1] } } },
    ],
  ])('refuses with %j', (problem, config) => {
    const call = (): unknown => convert({ config });
    expect(call).toThrow(EngineError);
    expect(call).toThrow(problem);
  });
});

describe('toSandboxFilter()', () => {
  it('asks for everything when there is none', () => {
    expect(toSandboxFilter(null)).toEqual({ labels: {} });
    expect(toSandboxFilter(filterOf({}))).toEqual({ labels: {} });
  });

  it('tells a state of READY, which is zero, from no state', () => {
    expect(toSandboxFilter(filterOf({ state: {} }))).toEqual({ labels: {}, state: 'ready' });
    const filter = { id: 'abc', state: { state: PodSandboxState.SANDBOX_NOTREADY }, labelSelector: { a: 'b' } };
    expect(toSandboxFilter(filterOf(filter))).toEqual({ id: 'abc', state: 'not-ready', labels: { a: 'b' } });
  });
});

describe('fromSandboxStatus()', () => {
  it('gives back what was asked for, and the addresses', () => {
    const createdAt = 1_760_000_000_123_456_789n;
    const sandbox = aSandbox(1, { createdAt, network: { ips: ['10.77.0.2', 'fd00::2'] } });
    const status = statusOf(sandbox);
    expect(status).toMatchObject({
      id: aSandboxId(1),
      metadata: sandbox.spec.metadata,
      state: PodSandboxState.SANDBOX_READY,
      network: { ip: '10.77.0.2', additionalIps: [{ ip: 'fd00::2' }] },
      labels: sandbox.spec.labels,
      annotations: sandbox.spec.annotations,
    });
    expect(status.createdAt.toBigInt()).toBe(createdAt);
    expect(status.linux?.namespaces?.options).toMatchObject({
      network: NamespaceMode.POD,
      pid: NamespaceMode.CONTAINER,
    });
  });

  it("has no network for a pod on the node's", () => {
    expect(statusOf(aSandbox(1)).network).toBeNull();
  });

  it('is NOTREADY after a stop', () => {
    const sandbox = aSandbox(1, { state: { phase: 'not-ready', reason: 'stopped', since: 1n } });
    expect(statusOf(sandbox).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
  });
});

describe('fromSandbox()', () => {
  it('is what a list shows', () => {
    const item = PodSandbox.decode(PodSandbox.encode(fromSandbox(aSandbox(3))).finish());
    expect(item).toMatchObject({ id: aSandboxId(3), metadata: aSandbox(3).spec.metadata, runtimeHandler: '' });
  });
});
