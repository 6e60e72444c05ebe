import { describe, expect, it } from 'vitest';
import { sandboxSpec } from '../store/test-records.ts';
import { podSysctls } from './pod-sysctls.ts';

const DEFAULTS = {
  unprivilegedPorts: false,
  unprivilegedPing: false,
  sysctls: { 'net.core.somaxconn': '10', 'kernel.shmmax': '20', 'vm.swappiness': '30' },
};

describe('podSysctls()', () => {
  it('gives what belongs to namespaces of the pod’s own, and nothing of the node', () => {
    const spec = sandboxSpec({ namespaces: { network: 'pod', pid: 'container', ipc: 'node' } });
    expect(podSysctls(spec, DEFAULTS)).toEqual({ 'net.core.somaxconn': '10' });
    const node = sandboxSpec({ namespaces: { network: 'node', pid: 'container', ipc: 'pod' } });
    expect(podSysctls(node, DEFAULTS)).toEqual({ 'kernel.shmmax': '20' });
  });

  it.each(['net.core.somaxconn', 'net/core/somaxconn'])('leaves %s to the pod that asks for it', (name) => {
    const namespaces = { network: 'pod', pid: 'container', ipc: 'node' } as const;
    expect(podSysctls(sandboxSpec({ namespaces, sysctls: { [name]: '1' } }), DEFAULTS)).toEqual({ [name]: '1' });
  });

  it('lets programs that are not root listen and ping, unless the node says otherwise', () => {
    const both = { unprivilegedPorts: true, unprivilegedPing: true };
    const spec = sandboxSpec({ namespaces: { network: 'pod', pid: 'container', ipc: 'pod' } });
    expect(podSysctls(spec, { ...both, sysctls: {} })).toEqual({
      'net.ipv4.ip_unprivileged_port_start': '0',
      'net.ipv4.ping_group_range': '0 2147483647',
    });
    const sysctls = { 'net/ipv4/ip_unprivileged_port_start': '80' };
    expect(podSysctls(spec, { ...both, unprivilegedPing: false, sysctls })).toEqual(sysctls);
  });
});
