import { describe, expect, it } from 'vitest';
import { isKind } from '../../errors.ts';
import { checkSandboxSysctls, checkSysctls } from './sysctls.ts';

const own = { network: true, ipc: true };

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('checkSysctls()', () => {
  it('knows each namespaced sysctl and its namespace', () => {
    const checked = checkSysctls(
      {
        'kernel.shm_rmid_forced': '1',
        'kernel.msgmax': '65536',
        'kernel.sem': '250 32000\t100 128',
        'fs.mqueue.msg_max': '10',
        'net.ipv4.ip_local_reserved_ports': '8080,9000-9100',
        'net.ipv4.tcp_congestion_control': 'cubic',
      },
      own,
    );
    expect(checked.map(({ path, kind }) => [path, kind])).toEqual([
      ['kernel/shm_rmid_forced', 'ipc'],
      ['kernel/msgmax', 'ipc'],
      ['kernel/sem', 'ipc'],
      ['fs/mqueue/msg_max', 'ipc'],
      ['net/ipv4/ip_local_reserved_ports', 'net'],
      ['net/ipv4/tcp_congestion_control', 'net'],
    ]);
  });

  it.each([
    ['net.ipv4.conf.eth0/100.forwarding', 'net/ipv4/conf/eth0.100/forwarding'],
    ['net/ipv4/conf/eth0.100/forwarding', 'net/ipv4/conf/eth0.100/forwarding'],
    ['net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
    ['net/ipv4/ip_forward', 'net/ipv4/ip_forward'],
  ])('takes %s as %s', (name, path) => {
    expect(checkSysctls({ [name]: '1' }, own)).toEqual([{ name, path, value: '1', kind: 'net' }]);
  });

  it.each([
    'net.ipv4.ip_forward+kernel.core_pattern',
    'net.ipv4.ip_forward=1',
    'net..ipv4',
    'net/../kernel/core_pattern',
    'net/./ipv4',
    '/net/ipv4/ip_forward',
    'net.ipv4.ip forward',
    'net.ipv4.ip_forward\n',
    'net.ipv4.ip_forward\nkernel.core_pattern',
    'NET.ipv4.ip_forward',
    'net.ipv4.ip_forward.',
    '',
    `net.${'a'.repeat(300)}`,
  ])('rejects the name %j', (name) => {
    const error = thrown(() => checkSysctls({ [name]: '1' }, own));
    expect(isKind(error, 'invalid-argument')).toBe(true);
    expect(String(error)).toContain(`config.linux.sysctls["${JSON.stringify(name).slice(1, 40).replace(/"$/, '')}`);
  });

  it.each(["1024 65000'+'kernel.core_pattern=x", '1\n2', '1=2', '1+1', '$(id)', 'a\0b'])(
    'rejects the value %j',
    (value) => {
      expect(() => checkSysctls({ 'net.ipv4.ip_local_port_range': value }, own)).toThrow(
        /config\.linux\.sysctls\["net\.ipv4\.ip_local_port_range"\]: value/,
      );
    },
  );

  it.each([
    'kernel.core_pattern',
    'vm.overcommit_memory',
    'kernel.hostname',
    'kernel.semaphore',
    'fs.file-max',
    'network.x',
  ])('rejects %s, which has no namespace', (name) => {
    expect(() => checkSysctls({ [name]: '1' }, own)).toThrow(/not a namespaced sysctl/);
  });

  it("rejects a sysctl of a namespace that is the node's", () => {
    expect(() => checkSysctls({ 'net.core.somaxconn': '1' }, { network: false, ipc: true })).toThrow(/node's network/);
    expect(() => checkSysctls({ 'kernel/shmmax': '1' }, { network: true, ipc: false })).toThrow(/node's IPC/);
  });
});

describe('checkSandboxSysctls()', () => {
  it("reads from the spec which namespaces are the pod's", () => {
    const namespaces = { network: 'node', pid: 'container', ipc: 'pod' } as const;
    expect(checkSandboxSysctls({ sysctls: { 'kernel.shmmax': '1' }, namespaces })).toHaveLength(1);
    expect(() => checkSandboxSysctls({ sysctls: { 'net.core.somaxconn': '1' }, namespaces })).toThrow(/node's network/);
  });
});
