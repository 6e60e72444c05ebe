import { join } from 'node:path';
import { error, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';

interface Rule {
  readonly name: string;
  readonly least: number;
  readonly level: 'warning' | 'error';
  readonly why: string;
}

const RULES: readonly Rule[] = [
  {
    name: 'net.ipv4.ip_forward',
    least: 1,
    level: 'warning',
    why: 'pods reach nothing beyond the node (the bridge plugin turns it on, other networks may not).',
  },
  {
    name: 'net.bridge.bridge-nf-call-iptables',
    least: 1,
    level: 'warning',
    why: 'traffic between pods of one bridge passes by kube-proxy: Services do not work between them.',
  },
  {
    name: 'user.max_net_namespaces',
    least: 1_000,
    level: 'error',
    why: 'every pod has a network namespace of its own.',
  },
  {
    name: 'user.max_mnt_namespaces',
    least: 1_000,
    level: 'error',
    why: 'every container has a mount namespace of its own.',
  },
  {
    name: 'kernel.pid_max',
    least: 32_768,
    level: 'warning',
    why: 'containers, shims and their threads share these numbers; when they run out nothing starts.',
  },
  {
    name: 'fs.inotify.max_user_instances',
    least: 512,
    level: 'warning',
    why: 'kubelet, log collectors and pods of root share them: "too many open files" without a file open.',
  },
  {
    name: 'fs.inotify.max_user_watches',
    least: 65_536,
    level: 'warning',
    why: 'what watches files says "no space left on device" when they run out.',
  },
  {
    name: 'kernel.keys.root_maxkeys',
    least: 10_000,
    level: 'warning',
    why: 'runc makes a keyring for each container, and fails with "disk quota exceeded" when they run out.',
  },
  {
    name: 'fs.mount-max',
    least: 10_000,
    level: 'warning',
    why: 'a container has some twenty mounts in a namespace of its own, volumes not counted.',
  },
];

/** Settings of the kernel that pods trip over. What this kernel does not have is passed over. */
export async function checkSysctls(host: Host): Promise<readonly Found[]> {
  const found = await Promise.all(RULES.map((rule) => checkRule(host, rule)));
  const wrong = found.filter((each) => each !== undefined);
  return wrong.length > 0 ? wrong : [ok(`${RULES.length} settings of the kernel`)];
}

async function checkRule(host: Host, { name, least, level, why }: Rule): Promise<Found | undefined> {
  const text = (await host.text(join('/proc/sys', ...name.split('.')))).trim();
  if (!/^\d+$/.test(text) || Number(text) >= least) return undefined;
  const advice = {
    why,
    fix: `sysctl -w ${name}=${least}, and the line ${name} = ${least} in /etc/sysctl.d/90-davit.conf`,
  };
  const what = `${name} is ${text}, less than ${least}`;
  return level === 'error' ? error(what, advice) : warning(what, advice);
}
