import { describe, expect, it } from 'vitest';
import { affinityWarning } from './exec-affinity.ts';

const FIRST = { execCpuAffinity: 'first' } as const;
const runc = (version: string) => ({ name: 'runc', version });

describe('affinityWarning()', () => {
  it.each([
    ['1.1.5+ds1', '1.6.20~ds1', 'with runc 1.1.5+ds1 and containerd 1.6.20~ds1 commands'],
    ['1.2.9', 'v2.4.2', 'with runc 1.2.9 commands'],
    ['1.5.2', '2.0.7', 'with containerd 2.0.7 commands'],
  ])('names what is too old of runc %s and containerd %s', (version, containerd, message) => {
    expect(affinityWarning(FIRST, runc(version), containerd)).toContain(message);
  });

  it('is silent where it works, where nobody can tell, and where nobody asks for it', () => {
    expect(affinityWarning(FIRST, runc('1.3.0'), 'v2.1.0')).toBeUndefined();
    expect(affinityWarning(FIRST, { name: 'crun', version: '1.8' }, undefined)).toBeUndefined();
    expect(affinityWarning({ execCpuAffinity: 'all' }, runc('1.1.5'), '1.6.20')).toBeUndefined();
  });
});
