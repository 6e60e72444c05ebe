import { nowNanos } from '../clock.ts';
import { hierarchyOf } from '../host/index.ts';
import type { CgroupLayout } from '../host/index.ts';
import type { Nanos } from '../types/index.ts';
import type { BlockDevices } from './block-devices.ts';
import { optional } from './kernel-text.ts';
import { parseV1, V1_FILES, v1HugepageFiles } from './parse-v1.ts';
import { parseV2, PRESSURE_FILES, V2_FILES, v2HugepageFiles } from './parse-v2.ts';
import { readKernelCounter, readKernelFile } from './read-kernel-file.ts';
import type { CgroupUsage } from './stats-types.ts';

export interface CgroupLook {
  readonly timestamp: Nanos;
  /** On the clock that only goes forward. */
  readonly atMs: number;
  readonly usage: CgroupUsage;
}

/** Which files of which tree tell about a cgroup on this node: decided once. */
export interface CgroupReader {
  /** Reads one file after the other, so that a look never holds more than one thread. undefined: no such cgroup. */
  look(path: string): Promise<CgroupLook | undefined>;
}

interface FileOfTree {
  readonly mountPoint: string;
  readonly name: string;
}

export interface CgroupReaderDeps {
  readonly layout: CgroupLayout;
  readonly hugepageSizes: readonly string[];
  readonly devices: Pick<BlockDevices, 'nameOf'>;
}

/** The kernel first adds up over processors and cgroups below, or takes locks that others hold, for these. */
const MAY_TAKE_LONG = /^(?:memory|cpu|io)\.stat$|^blkio\.|\.pressure$/;

export function createCgroupReader({ layout, hugepageSizes, devices }: CgroupReaderDeps): CgroupReader {
  const all = layout.mode === 'v2' ? v2Files(layout, hugepageSizes) : v1Files(layout, hugepageSizes);
  const files = all.map(({ mountPoint, name }) => ({ mountPoint, name, slow: MAY_TAKE_LONG.test(name) }));
  const parse = layout.mode === 'v2' ? parseV2 : parseV1;
  return {
    look: async (path) => {
      const texts: Record<string, string | undefined> = {};
      // Processor time is the first file, and this is its time.
      const timestamp = nowNanos();
      const atMs = performance.now();
      for (const { mountPoint, name, slow } of files) {
        const file = `${mountPoint}${path}/${name}`;
        texts[name] = slow ? await readKernelFile(file) : readKernelCounter(file);
      }
      if (Object.values(texts).every((text) => text === undefined)) return undefined;
      return { timestamp, atMs, usage: withNames(parse(texts, hugepageSizes), devices) };
    },
  };
}

function withNames(usage: CgroupUsage, devices: CgroupReaderDeps['devices']): CgroupUsage {
  if (usage.io === undefined) return usage;
  const named = usage.io.devices.map((io) => ({ ...io, ...optional('name', devices.nameOf(io.major, io.minor)) }));
  return { ...usage, io: { ...usage.io, devices: named } };
}

/** The tree in which a container's processes are looked up. */
export function processTree(layout: CgroupLayout): string | undefined {
  const tree = layout.mode === 'v2' ? layout.hierarchies[0] : hierarchyOf(layout, 'pids');
  return (tree ?? layout.hierarchies[0])?.mountPoint;
}

function v2Files(layout: CgroupLayout, hugepageSizes: readonly string[]): readonly FileOfTree[] {
  const [tree] = layout.hierarchies;
  if (tree === undefined) return [];
  const names = [...V2_FILES, ...PRESSURE_FILES, ...hugepageSizes.flatMap(v2HugepageFiles)];
  return names.map((name) => ({ mountPoint: tree.mountPoint, name }));
}

/** On a hybrid node containers have a cgroup in the v2 tree, too, which has no controllers but accounts for pressure. */
function v1Files(layout: CgroupLayout, hugepageSizes: readonly string[]): readonly FileOfTree[] {
  const wanted = { ...V1_FILES, hugetlb: hugepageSizes.flatMap(v1HugepageFiles) };
  const own = Object.entries(wanted).flatMap(([controller, names]) => {
    const tree = hierarchyOf(layout, controller);
    return tree?.version === 1 ? names.map((name) => ({ mountPoint: tree.mountPoint, name })) : [];
  });
  const unified = layout.hierarchies.find(({ version }) => version === 2);
  if (unified === undefined) return own;
  return [...own, ...PRESSURE_FILES.map((name) => ({ mountPoint: unified.mountPoint, name }))];
}
