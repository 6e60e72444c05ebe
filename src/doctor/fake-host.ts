import { dirname } from 'node:path';
import type { Host, ProgramResult, Space } from './host.ts';

export interface FakeHost {
  /** Texts by path; the folders that they lie in are there, too. */
  readonly files?: Readonly<Record<string, string>>;
  readonly spaces?: Readonly<Record<string, Partial<Space>>>;
  /** What programs print, by command line; those that are named here are in PATH. */
  readonly programs?: Readonly<Record<string, string>>;
  readonly sockets?: readonly string[];
  readonly containerd?: string;
  readonly clockIsKept?: boolean;
  readonly kernel?: string;
  readonly node?: string;
  readonly uid?: number;
  readonly nowMs?: number;
  readonly containerdIsInstalled?: boolean;
}

const GIB = 1024 ** 3;
const TMPFS = 0x01021994;
const HEALTHY: Space = {
  path: '/',
  type: TMPFS,
  totalBytes: 100 * GIB,
  freeBytes: 50 * GIB,
  totalInodes: 1_000_000,
  freeInodes: 900_000,
};

/** A host that holds what a test names, and nothing else; it has room, and its clock is kept. */
export function fakeHost(fake: FakeHost = {}): Host {
  const files = fake.files ?? {};
  const programs = Object.entries(fake.programs ?? {});
  const list = (path: string): readonly string[] => {
    const below = Object.keys(files).filter((file) => dirname(file) === path || file.startsWith(`${path}/`));
    return [...new Set(below.map((file) => file.slice(path.length + 1).split('/', 1)[0] ?? ''))];
  };
  const run = async (program: string, args: readonly string[]): Promise<ProgramResult | undefined> => {
    const found = programs.find(([line]) => line === [program, ...args].join(' '));
    return found === undefined ? undefined : { code: 0, output: found[1] };
  };
  return {
    node: fake.node ?? '24.0.0',
    platform: 'linux',
    arch: 'x64',
    uid: fake.uid ?? 0,
    kernel: fake.kernel ?? '6.12.0',
    nowMs: fake.nowMs ?? Date.UTC(2026, 5, 1),
    text: async (path) => files[path] ?? '',
    list: async (path) => list(path),
    links: async (path) => list(path).map((name) => files[`${path}/${name}`] ?? ''),
    exists: async (path) => files[path] !== undefined || list(path).length > 0,
    space: async (path) => ({ ...HEALTHY, path, ...fake.spaces?.[path] }),
    find: (program) => (programs.some(([line]) => line.split(' ', 1)[0] === program) ? program : undefined),
    run,
    answers: async (socket) => fake.sockets?.includes(socket) ?? false,
    containerdVersion: async () => fake.containerd,
    clockIsKept: () => fake.clockIsKept ?? true,
    containerdIsInstalled: () => fake.containerdIsInstalled ?? false,
  };
}
