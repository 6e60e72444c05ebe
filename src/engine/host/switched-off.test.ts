import { describe, expect, it } from 'vitest';
import { withoutSwitchedOff } from './switched-off.ts';

const label = { user: 'u', role: 'r', type: 't' };
const SELINUX = { process: label, file: label, sharedFile: label };
const BOTH = { apparmor: true, selinux: SELINUX, cpuCount: 2 };

describe('withoutSwitchedOff()', () => {
  it('leaves the facts as they are by default', () => {
    expect(withoutSwitchedOff(BOTH, { apparmor: 'auto', selinux: 'auto' })).toEqual(BOTH);
    const none = { apparmor: false, cpuCount: 2 };
    expect(withoutSwitchedOff(none, { apparmor: 'auto', selinux: 'auto' })).toEqual(none);
  });

  it('takes away what is switched off, and that alone', () => {
    expect(withoutSwitchedOff(BOTH, { apparmor: 'off', selinux: 'auto' })).toEqual({ ...BOTH, apparmor: false });
    const noSelinux = withoutSwitchedOff(BOTH, { apparmor: 'auto', selinux: 'off' });
    expect(noSelinux).toEqual({ apparmor: true, cpuCount: 2 });
    expect(noSelinux).not.toHaveProperty('selinux');
  });
});
