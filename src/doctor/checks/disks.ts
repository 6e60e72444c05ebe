import { binarySize } from '../../binary-size.ts';
import type { Config } from '../../config/index.ts';
import { error, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host, Space } from '../host.ts';

const MIB = 1024 ** 2;
const TMPFS = 0x01021994;
const RAMFS = 0x858458f6;
/** Below it nothing can be relied upon: records, logs and images fail to be written. */
const LEAST_BYTES = 100 * MIB;
/** Where the kubelet begins to evict pods, unless it is told otherwise. */
const LOW_PERCENT = 10;
const LOW_INODES_PERCENT = 5;
const LEAST_INODES = 1_000;
/** Journals of output, one to a container, and what is mounted into pods. */
const STATE_BYTES = 64 * MIB;

/** Room and inodes where davit, containerd and the kubelet write, and that the state folder ends with the boot. */
export async function checkDisks(host: Host, config: Config): Promise<readonly Found[]> {
  const folders = [config.root, '/var/lib/containerd', '/var/log/pods'];
  const spaces = await Promise.all(folders.map((path) => host.space(path)));
  const found = spaces.filter((space) => space !== undefined).flatMap(checkSpace);
  const full = unique(found.filter(({ level }) => level !== 'ok'));
  return [...(full.length > 0 ? full : unique(found)), ...(await checkState(host, config.state))];
}

function checkSpace(space: Space): readonly Found[] {
  const { path, freeBytes, totalBytes, freeInodes, totalInodes } = space;
  const found: Found[] = [];
  const free = (100 * freeBytes) / Math.max(1, totalBytes);
  if (freeBytes < LEAST_BYTES) found.push(full(path, freeBytes));
  else if (free < LOW_PERCENT) {
    found.push(
      warning(`${path}: ${binarySize(freeBytes)} free (${Math.floor(free)} %)`, {
        why: 'the kubelet evicts pods and removes images below 10 %.',
        fix: 'davit images, davit rmi; look for logs and emptyDirs: du -xh --max-depth=3 /var/lib /var/log | sort -h',
      }),
    );
  }
  const freeInodesPercent = (100 * freeInodes) / Math.max(1, totalInodes);
  if (totalInodes > 0 && (freeInodes < LEAST_INODES || freeInodesPercent < LOW_INODES_PERCENT)) {
    found.push(
      (freeInodes < LEAST_INODES ? error : warning)(`${path}: ${freeInodes} of ${totalInodes} inodes free`, {
        why: 'files cannot be made although there is room: images are many small files.',
        fix: 'davit images, davit rmi; find the many files: du --inodes -x --max-depth=3 /var/lib | sort -n',
      }),
    );
  }
  return found.length > 0 ? found : [ok(`${path}: ${binarySize(freeBytes)} free (${Math.floor(free)} %)`)];
}

function full(path: string, freeBytes: number): Found {
  return error(`${path}: only ${binarySize(freeBytes)} free`, {
    why: 'records of pods and containers cannot be written, so creates, stops and removals fail.',
    fix: 'make room at once: davit rmi, journalctl --vacuum-size=100M; du -xh --max-depth=3 /var | sort -h',
  });
}

async function checkState(host: Host, path: string): Promise<readonly Found[]> {
  const space = await host.space(path);
  if (space === undefined) return [];
  if (space.type !== TMPFS && space.type !== RAMFS) {
    return [
      warning(`state = "${path}" is not on a tmpfs`, {
        why: 'what ends with the boot (namespaces, journals of output) seems to be there after it, and every line of output is written to a disk twice.',
        fix: 'choose a folder below /run, or mount a tmpfs there',
      }),
    ];
  }
  // A tmpfs without a limit tells no size.
  if (space.totalBytes === 0 || space.freeBytes >= STATE_BYTES) return [ok(`${path} is a tmpfs`)];
  return [
    warning(`${path}: ${binarySize(space.freeBytes)} free of the tmpfs`, {
      why: 'output of containers is kept there until it is in their logs: when it is full, they wait.',
      fix: `find what fills it: du -xh --max-depth=2 ${space.path} | sort -h; or mount -o remount,size=… ${space.path}`,
    }),
  ];
}

/** Several folders may lie on one file system, and be found through the same one above them. */
function unique(found: readonly Found[]): readonly Found[] {
  return [...new Map(found.map((each) => [each.found, each])).values()];
}
