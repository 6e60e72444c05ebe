import type { SecurityConfig } from '../engine-config.ts';
import type { HostFacts } from './host-facts.ts';

/** The node as it is used: security modules that are switched off are as if the kernel had none. Pure. */
export function withoutSwitchedOff<Facts extends Pick<HostFacts, 'apparmor' | 'selinux'>>(
  facts: Facts,
  { apparmor, selinux }: Pick<SecurityConfig, 'apparmor' | 'selinux'>,
): Omit<Facts, 'selinux'> & Pick<HostFacts, 'selinux'> {
  const { selinux: contexts, ...others } = facts;
  return {
    ...others,
    apparmor: facts.apparmor && apparmor === 'auto',
    ...(contexts === undefined || selinux === 'off' ? {} : { selinux: contexts }),
  };
}
