/** One line of /proc/<pid>/mountinfo; paths are unescaped. */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** Path inside the file system; for a pinned namespace its identity, e.g. `net:[4026532205]`. */
  readonly root: string;
  readonly mountPoint: string;
  readonly fsType: string;
  readonly source: string;
  /** Peer group that events are sent to and received from. */
  readonly shared: boolean;
  /** Receives events from a master. */
  readonly slave: boolean;
  /** Its files carry labels of SELinux. */
  readonly labelled: boolean;
}

export function parseMountinfo(text: string): readonly MountEntry[] {
  return text
    .split('\n')
    .map(parseLine)
    .filter((entry) => entry !== undefined);
}

/** The mount that an absolute, symlink-free path is on, found as the kernel walks: from the root through each mount on the way. */
export function mountOf(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const ids = new Set(entries.map((entry) => entry.id));
  let current = entries.find((entry) => entry.mountPoint === '/' && !ids.has(entry.parentId));
  for (let next = current; next !== undefined;) {
    current = next;
    next = firstCrossed(entries, next, path);
  }
  return current;
}

/** Whether `path` is `folder` or below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** Of the mounts on `on`, the one that a walk to `path` meets first; those behind it are hidden by it. */
function firstCrossed(entries: readonly MountEntry[], on: MountEntry, path: string): MountEntry | undefined {
  const crossed = entries.filter(
    (entry) => entry.parentId === on.id && entry.id !== on.id && isWithin(path, entry.mountPoint),
  );
  return crossed.sort((a, b) => a.mountPoint.length - b.mountPoint.length)[0];
}

function parseLine(line: string): MountEntry | undefined {
  const fields = line.split(' ');
  const separator = fields.indexOf('-');
  const [id, parentId, , root, mountPoint] = fields;
  const [fsType, source, superOptions = ''] = fields.slice(separator + 1);
  if (separator < 6 || root === undefined || mountPoint === undefined || fsType === undefined) return undefined;
  const tags = fields.slice(6, separator);
  return {
    id: Number(id),
    parentId: Number(parentId),
    root: unescape(root),
    mountPoint: unescape(mountPoint),
    fsType,
    source: unescape(source ?? ''),
    shared: tags.some((tag) => tag.startsWith('shared:')),
    slave: tags.some((tag) => tag.startsWith('master:')),
    labelled: superOptions.split(',').includes('seclabel'),
  };
}

/** The kernel writes space, tab, newline and backslash as `\ooo`; the bytes between are UTF-8. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
