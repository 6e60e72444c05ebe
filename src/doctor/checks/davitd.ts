import type { Config } from '../../config/index.ts';
import { error, note, ok } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';

const LEAST_NODE = 24;
const ARCHES = ['x64', 'arm64'];

/** What runs this, and whether a davitd serves. */
export async function checkDavitd(host: Host, config: Config): Promise<readonly Found[]> {
  return [...checkNode(host), ...(await checkSocket(host, config))];
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
