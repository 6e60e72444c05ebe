import type { Config } from '../../config/index.ts';
import { error, note, ok } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';

const LEAST_NODE = 24;
const ARCHES = ['x64', 'arm64'];

/** What runs this, and whether a davitd serves. */
export async function checkDavitd(host: Host, config: Config): Promise<readonly Found[]> {
  return [...checkNode(host), ...(await checkSocket(host, config)), ...(await checkPump(host, config))];
}

function checkNode({ node, platform, arch }: Host): readonly Found[] {
  if (platform !== 'linux' || !ARCHES.includes(arch)) {
    return [
      error(`this is ${platform} on ${arch}`, {
        why: `davitd runs pods on Linux, on ${ARCHES.join(' and ')}.`,
        fix: 'use such a machine',
      }),
    ];
  }
  if (Number.parseInt(node, 10) >= LEAST_NODE) return [];
  return [
    error(`Node ${node} is older than ${LEAST_NODE}`, {
      why: 'davitd refuses to start.',
      fix: `install Node ${LEAST_NODE} or newer, or davit's package, which has its own`,
    }),
  ];
}

async function checkSocket(host: Host, config: Config): Promise<readonly Found[]> {
  const socket = config.listen.replace(/^unix:\/\//, '');
  if (await host.answers(socket)) return [ok(`davitd serves at ${socket}`)];
  if (!(await host.exists(socket))) return [note(`no davitd serves at ${socket}`)];
  return [
    error(`${socket} is there, and nobody answers`, {
      why: 'davitd was killed or hangs: the kubelet sees the node as not ready. Containers go on.',
      fix: 'systemctl restart davitd; journalctl -u davitd',
    }),
  ];
}

/** A pump that is stopped answers nobody; davitd replaces it, unless davitd is away. */
async function checkPump(host: Host, { state }: Config): Promise<readonly Found[]> {
  const pid = Number(await host.text(`${state}/pump/lock`));
  const status = pid > 0 ? await host.text(`/proc/${pid}/status`) : '';
  if (!/^Name:\s+davit-pump\b/m.test(status)) return [];
  if (!/^State:\s+[Tt]/m.test(status)) return [ok(`davit-pump runs (pid ${pid})`)];
  return [
    error(`davit-pump (pid ${pid}) is stopped by a signal or a debugger`, {
      why: 'the output of all containers waits, and none starts. davitd replaces it after some seconds, if it runs.',
      fix: `kill -CONT ${pid}, or start davitd`,
    }),
  ];
}
