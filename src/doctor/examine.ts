import type { Config } from '../config/index.ts';
import { checkCapabilities } from './checks/capabilities.ts';
import { checkCgroups } from './checks/cgroups.ts';
import { checkClock } from './checks/clock.ts';
import { checkContainerd } from './checks/containerd.ts';
import { checkDavitd } from './checks/davitd.ts';
import { checkDisks } from './checks/disks.ts';
import { checkKernel } from './checks/kernel.ts';
import { checkLimits } from './checks/limits.ts';
import { checkLsm } from './checks/lsm.ts';
import { checkNetwork } from './checks/network.ts';
import { checkRuntimes } from './checks/runtimes.ts';
import { checkSysctls } from './checks/sysctls.ts';
import type { Finding, Found } from './finding.ts';
import { warning } from './finding.ts';
import type { Host } from './host.ts';

type Check = (host: Host, config: Config) => readonly Found[] | Promise<readonly Found[]>;

/** In the order in which they are shown: from the machine up to davitd. */
export const CHECKS: Readonly<Record<string, Check>> = {
  kernel: checkKernel,
  cgroups: checkCgroups,
  capabilities: checkCapabilities,
  lsm: checkLsm,
  sysctls: checkSysctls,
  limits: checkLimits,
  clock: checkClock,
  disks: checkDisks,
  network: (_host, config) => checkNetwork(config),
  containerd: checkContainerd,
  runtimes: checkRuntimes,
  davitd: checkDavitd,
};

/** Looks at the host as a davitd with this configuration would find it; never throws. */
export async function examine(host: Host, config: Config): Promise<readonly Finding[]> {
  const found = await Promise.all(Object.entries(CHECKS).map(([name, check]) => look(name, check, host, config)));
  return found.flat();
}

async function look(name: string, check: Check, host: Host, config: Config): Promise<readonly Finding[]> {
  let found: readonly Found[];
  try {
    found = await check(host, config);
  } catch (failure) {
    const message = failure instanceof Error ? failure.message : String(failure);
    found = [
      warning(`could not be checked: ${message}`, { why: 'nothing is known of it.', fix: 'look at it by hand' }),
    ];
  }
  return found.map((each) => ({ check: name, ...each }));
}
