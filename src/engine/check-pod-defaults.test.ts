import { describe, expect, it } from 'vitest';
import { checkPodDefaults } from './check-pod-defaults.ts';

describe('checkPodDefaults()', () => {
  it('names a sysctl that is no pod’s', () => {
    expect(() => checkPodDefaults({ sysctls: { 'vm.swappiness': '1' } }, [0])).toThrow('pods.sysctls: vm.swappiness');
    expect(() => checkPodDefaults({ sysctls: { 'net.core.somaxconn': '1' } }, [0])).not.toThrow();
  });

  it('names a CPU that is not there', () => {
    expect(() => checkPodDefaults({ sysctls: {}, pauseCpus: '0-2' }, [0, 1])).toThrow(
      'pods.pause_cpus: this node has no CPU 2',
    );
    expect(() => checkPodDefaults({ sysctls: {}, pauseCpus: '0-1' }, [0, 1])).not.toThrow();
    expect(() => checkPodDefaults({ sysctls: {}, pauseCpus: '9' }, undefined)).not.toThrow();
  });
});
