import { APPARMOR_PARSER } from '../../engine/host/index.ts';
import { note, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';

/** AppArmor and SELinux: that what the kernel enforces can be used for containers. */
export async function checkLsm(host: Host): Promise<readonly Found[]> {
  const found = [...(await appArmor(host)), ...(await selinux(host))];
  if (found.length > 0) return found;
  return [
    note('neither AppArmor nor SELinux is on', {
      why: 'pods that ask for a profile of the node are refused, the default profile is passed over.',
    }),
  ];
}

async function appArmor(host: Host): Promise<readonly Found[]> {
  if (!(await host.text('/sys/module/apparmor/parameters/enabled')).startsWith('Y')) return [];
  if (await host.exists(APPARMOR_PARSER)) return [ok('AppArmor')];
  return [
    warning(`AppArmor is on, and ${APPARMOR_PARSER} is missing`, {
      why: 'no profile can be loaded: containers run without one.',
      fix: 'apt install apparmor',
    }),
  ];
}

async function selinux(host: Host): Promise<readonly Found[]> {
  if (!(await host.exists('/sys/fs/selinux/enforce'))) return [];
  const config = await host.text('/etc/selinux/config');
  const policy = /^\s*SELINUXTYPE\s*=\s*(\S+)/m.exec(config)?.[1] ?? 'targeted';
  if (await host.exists(`/etc/selinux/${policy}/contexts/lxc_contexts`)) return [ok(`SELinux, policy ${policy}`)];
  return [
    warning(`SELinux is on, and its policy ${policy} knows no containers`, {
      why: 'containers run with the label of davitd itself: nothing separates them by it.',
      fix: 'dnf install container-selinux',
    }),
  ];
}
