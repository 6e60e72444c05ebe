import { join } from 'node:path';
import type { Config } from '../../config/index.ts';
import { refusedVersion } from '../../engine/containerd/refused-version.ts';
import { SYSTEM_ADDRESS } from '../../engine/containerd/system-facts.ts';
import { error, note, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';
import { CONTAINERD_HOLES, holesOf } from '../known-holes.ts';
import { isAtLeast, parseRelease } from '../release.ts';
import type { Release } from '../release.ts';

/** The oldest that davit was run on. */
const LEAST: Release = [1, 6, 0];
/** The oldest line that still gets fixes. */
const MAINTAINED: Release = [1, 7, 0];
const LINUX_PATH_BYTES = 107;

/** The containerd that davitd would use: that it is there, answers, and is not too old. */
export async function checkContainerd(host: Host, config: Config): Promise<readonly Found[]> {
  const socket = await socketOf(host, config);
  if (socket === undefined) return supervised(host, config);
  const version = await host.containerdVersion(socket);
  if (version !== undefined) return judge(version, socket);
  return [
    error(`containerd does not answer at ${socket}`, {
      why: 'davitd starts and serves lists, but no pod, container or image can be made.',
      fix: 'systemctl status containerd; journalctl -u containerd; or set containerd_address to where it listens',
    }),
  ];
}

/** What davitd would decide: undefined when it starts a containerd of its own. */
async function socketOf(host: Host, config: Config): Promise<string | undefined> {
  if (config.containerdAddress !== 'auto') return config.containerdAddress;
  const recorded = parseChoice(await host.text(join(config.root, 'containerd.json')));
  if (recorded !== undefined) return recorded;
  return host.containerdIsInstalled() || (await host.answers(SYSTEM_ADDRESS)) ? SYSTEM_ADDRESS : undefined;
}

function parseChoice(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'address' in value && typeof value.address === 'string'
      ? value.address
      : undefined;
  } catch {
    return undefined;
  }
}

function supervised(host: Host, config: Config): readonly Found[] {
  const program = host.find('containerd');
  if (program === undefined) {
    return [
      error('there is no containerd', {
        why: 'davitd carries everything out on containerd: without one it does not start.',
        fix: 'apt install containerd, or your distribution’s package; davitd starts it by itself where no service does',
      }),
    ];
  }
  const socket = join(config.state, 'containerd/containerd.sock.ttrpc');
  if (socket.length > LINUX_PATH_BYTES) {
    return [
      error(`state = "${config.state}" is too long a path`, {
        why: `the socket of davitd's own containerd would be ${socket.length} bytes long, and Linux allows ${LINUX_PATH_BYTES}.`,
        fix: 'choose a shorter folder for state',
      }),
    ];
  }
  return [note(`no containerd runs: davitd starts and supervises ${program}`)];
}

function judge(version: string, socket: string): readonly Found[] {
  const shown = `containerd ${version} (${socket})`;
  const release = parseRelease(version);
  if (release === undefined) return [ok(shown)];
  const refused = refusedVersion(version, socket);
  if (refused !== undefined) {
    return [
      error(refused.message, {
        why: 'davitd does not work with it: no pod, container or image can be made.',
        fix: 'install another containerd, such as the newest release of its line',
      }),
    ];
  }
  if (!isAtLeast(release, LEAST)) {
    return [
      error(`${shown} is older than 1.6`, {
        why: 'davit was never run on it; services that it needs are missing.',
        fix: 'install containerd 1.7 or newer',
      }),
    ];
  }
  const holes = holesOf(release, CONTAINERD_HOLES);
  const found: Found[] = [];
  if (holes.length > 0) {
    found.push(
      warning(`${shown} has known holes: ${holes.map(({ cve }) => cve).join(', ')}`, {
        why: `${[...new Set(holes.map(({ what }) => what))].join('; ')}.`,
        fix: 'install the newest release of its line; a distribution may have closed them and kept the number: see `apt changelog containerd`',
      }),
    );
  }
  if (!isAtLeast(release, MAINTAINED)) {
    found.push(
      note(`${shown}: its line gets no more fixes from its makers`, {
        why: 'only a distribution that keeps the package still closes holes in it.',
        fix: 'install containerd 2.3 (long term) or newer',
      }),
    );
  }
  return found.length > 0 ? found : [ok(shown)];
}
