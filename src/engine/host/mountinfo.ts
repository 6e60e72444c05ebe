/** One mount of a mount namespace, as /proc/PID/mountinfo tells it. */
export interface MountInfo {
  readonly mountPoint: string;
  /** The part of the file system that is mounted, `/` for all of it. */
  readonly root: string;
  readonly fsType: string;
  readonly superOptions: readonly string[];
  /** The mount sends its mounts to peers. */
  readonly shared: boolean;
  /** The mount receives mounts from elsewhere. */
  readonly slave: boolean;
}

/** Parses /proc/PID/mountinfo in its order: of two mounts on one point, the later hides the earlier. */
export function parseMountInfo(text: string): readonly MountInfo[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

/** The mount that `path`, absolute and without symlinks, lies on. */
export function mountOf(mounts: readonly MountInfo[], path: string): MountInfo | undefined {
  let best: MountInfo | undefined;
  for (const mount of mounts) {
    if (!contains(mount.mountPoint, path)) continue;
    if (best === undefined || mount.mountPoint.length >= best.mountPoint.length) best = mount;
  }
  return best;
}

/** `id parent major:minor root mountpoint options optional-fields… - type source super-options` */
function parseLine(line: string): MountInfo | undefined {
  const words = line.split(' ');
  const dash = words.indexOf('-', 6);
  const [root, mountPoint] = words.slice(3, 5);
  const [fsType, , superOptions] = words.slice(dash + 1);
  if (dash === -1 || root === undefined || mountPoint === undefined || fsType === undefined) return undefined;
  const optional = words.slice(6, dash);
  return {
    root: unescape(root),
    mountPoint: unescape(mountPoint),
    fsType,
    superOptions: superOptions === undefined ? [] : superOptions.split(','),
    shared: optional.some((field) => field.startsWith('shared:')),
    slave: optional.some((field) => field.startsWith('master:')),
  };
}

function contains(mountPoint: string, path: string): boolean {
  return mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
}

/** The kernel writes blank, tab, newline and backslash as three octal digits. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
