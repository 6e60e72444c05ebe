import { describe, expect, it } from 'vitest';
import { hostFacts } from './test-input.ts';
import { updatedSpec } from './updated-spec.ts';

describe('updatedSpec()', () => {
  it('changes limits of requests alone', () => {
    const devices = [{ allow: false, access: 'rwm' }];
    const unified = { 'memory.high': '1', 'io.weight': '2' };
    const blockIO = { weight: 20 };
    const resources = {
      devices,
      blockIO,
      pids: { limit: 9 },
      cpu: { shares: 2, quota: 7 },
      memory: { limit: 5 },
      unified,
    };
    const spec = { process: { args: ['x'] }, linux: { cgroupsPath: '/c', resources } };
    const asked = { cpuShares: 100, unified: { 'memory.high': '3' } };
    expect(updatedSpec(spec, asked, hostFacts()).spec).toEqual({
      process: { args: ['x'], oomScoreAdj: 0 },
      linux: {
        cgroupsPath: '/c',
        resources: {
          devices,
          blockIO,
          pids: { limit: 9 },
          cpu: { shares: 100 },
          unified: { 'memory.high': '3', 'io.weight': '2' },
        },
      },
    });
  });
});
