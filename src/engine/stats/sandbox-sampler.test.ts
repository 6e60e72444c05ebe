import { describe, expect, it } from 'vitest';
import { sandboxRecord, sandboxSpec } from '../store/test-records.ts';
import { hasOwnCgroup } from './sandbox-sampler.ts';

describe('hasOwnCgroup()', () => {
  const uid = '0b1f3d2c-7a52-4d8e-9a3c-1e2f3a4b5c6d';
  const spec = sandboxSpec({ metadata: { name: 'web', uid, namespace: 'default', attempt: 0 } });
  const of = (cgroupParent: string) => hasOwnCgroup(sandboxRecord({ spec, cgroupParent }));

  it("knows the kubelet's and davit's", () => {
    expect(of(`/kubepods/burstable/pod${uid}`)).toBe(true);
    expect(of(`/kubepods.slice/kubepods-pod${uid.replaceAll('-', '_')}.slice`)).toBe(true);
    const own = sandboxRecord();
    expect(hasOwnCgroup({ ...own, cgroupParent: `/davit/${own.id}` })).toBe(true);
  });

  it('takes any other for one that pods may share', () => {
    expect(of('/k8s.io')).toBe(false);
    expect(of('/davit.slice')).toBe(false);
    expect(of('/')).toBe(false);
    const unnamed = sandboxSpec({ metadata: { name: 'web', uid: '', namespace: 'default', attempt: 0 } });
    expect(hasOwnCgroup(sandboxRecord({ spec: unnamed, cgroupParent: '/any' }))).toBe(false);
  });
});
