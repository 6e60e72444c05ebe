const KIB = 1024n;
const UNITS = ['KB', 'MB', 'GB'] as const;
const FOLDER = /^hugepages-(\d+)kB$/;

/** The node's huge page sizes as limits name them (`2MB`, `1GB`), from the folder names below /sys/kernel/mm/hugepages. */
export function parseHugepageSizes(folders: readonly string[]): readonly string[] {
  return folders
    .flatMap((folder) => FOLDER.exec(folder)?.[1] ?? [])
    .map(BigInt)
    .sort((a, b) => Number(a - b))
    .map(sizeName);
}

function sizeName(kilobytes: bigint): string {
  let size = kilobytes;
  let unit = 0;
  while (unit < UNITS.length - 1 && size % KIB === 0n) {
    size /= KIB;
    unit += 1;
  }
  return `${size}${UNITS[unit]}`;
}
