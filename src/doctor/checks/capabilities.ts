import { capabilitiesOfMask } from '../../engine/security/capabilities.ts';
import { error, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';

/** davitd, its shims and runc cannot work without these. */
const NEEDED = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_ADMIN',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_ADMIN',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
];
const RESOURCE = 'CAP_SYS_RESOURCE';

/** Who we are, and what the bounding set leaves to processes of this host. */
export async function checkCapabilities(host: Host): Promise<readonly Found[]> {
  if (host.uid !== 0) {
    return [
      warning('not run as root', {
        why: "davitd runs as root; what it would find (folders, sockets, other processes' limits) was looked at as somebody else.",
        fix: 'sudo davit doctor',
      }),
    ];
  }
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(await host.text('/proc/self/status'))?.[1];
  if (mask === undefined) return [];
  const held = capabilitiesOfMask(mask);
  const missing = NEEDED.filter((name) => !held.includes(name));
  const found = [...(missing.length === 0 ? [] : [lacks(missing)]), ...(held.includes(RESOURCE) ? [] : [noResource()])];
  return found.length > 0 ? found : [ok(`root with ${held.length} capabilities`)];
}

function lacks(missing: readonly string[]): Found {
  return error(`the bounding set lacks ${missing.join(', ')}`, {
    why: 'pods cannot be made: namespaces, mounts, interfaces or users need them.',
    fix: 'start davitd outside of the container or unit that takes them away (CapabilityBoundingSet=, --cap-drop)',
  });
}

function noResource(): Found {
  return warning(`the bounding set lacks ${RESOURCE}`, {
    why:
      'no process may lower its oom_score_adj, so that davitd and guaranteed pods are as likely to be killed as any; ' +
      'limits cannot be raised, and pipes of output stay at 64 KiB once 64 MiB are in use. davitd works around the rest.',
    fix: 'start davitd outside of the container or unit that takes it away',
  });
}
