import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Entry } from './tar.ts';

/** Programs of Debian packages that were unpacked into one folder. */
export interface Packages {
  /** The program at `from` in the packages, as an executable at `to` in the image. */
  program(from: string, to: string, mode?: number): Entry;
  /** The dynamic loader and every library that the programs need, each once, with the folders that they lie in. */
  libraries(programs: readonly string[]): readonly Entry[];
  /** The names under which busybox can be called. */
  busyboxApplets(): readonly string[];
}

/** Debian's two busyboxes, in folders of their own because both packages bring `bin/busybox`. */
export const BUSYBOX = 'busybox-static/bin/busybox';
export const SHELL = 'busybox/bin/busybox';

interface Machine {
  readonly triplet: string;
  readonly loader: string;
  /** Where programs name their loader. */
  readonly interpreter: string;
}

const MACHINES: Readonly<Record<string, Machine>> = {
  x64: {
    triplet: 'x86_64-linux-gnu',
    loader: 'ld-linux-x86-64.so.2',
    interpreter: 'lib64/ld-linux-x86-64.so.2',
  },
  arm64: {
    triplet: 'aarch64-linux-gnu',
    loader: 'ld-linux-aarch64.so.1',
    interpreter: 'lib/ld-linux-aarch64.so.1',
  },
};

export function openPackages(root: string): Packages {
  const machine = MACHINES[process.arch];
  if (machine === undefined) throw new Error(`no images for ${process.arch}`);
  const folders = ['lib', 'usr/lib'].map((folder) => join(root, folder, machine.triplet));
  const loader = join(root, 'lib', machine.triplet, machine.loader);

  return {
    program(from, to, mode = 0o755) {
      return { type: 'file', path: to, mode, content: readFileSync(realpathSync(join(root, from))) };
    },
    libraries(programs) {
      const found = new Map<string, string>();
      for (const program of programs) {
        for (const file of neededBy(loader, folders, join(root, program))) found.set(basename(file), file);
      }
      const files = [...found].filter(([name]) => name !== machine.loader).sort(([a], [b]) => (a < b ? -1 : 1));
      const folder = `lib/${machine.triplet}`;
      return [
        ...parents(machine.interpreter),
        { type: 'file', path: machine.interpreter, mode: 0o755, content: readFileSync(realpathSync(loader)) },
        { type: 'dir', path: folder, mode: 0o755 },
        ...files.map(([name, file]): Entry => {
          return { type: 'file', path: `${folder}/${name}`, mode: 0o644, content: readFileSync(realpathSync(file)) };
        }),
      ];
    },
    busyboxApplets() {
      return execFileSync(join(root, BUSYBOX), ['--list'], { encoding: 'utf8' }).trim().split('\n');
    },
  };
}

/** The libraries of a program, as the packages' own loader finds them in the packages. */
function neededBy(loader: string, folders: readonly string[], program: string): readonly string[] {
  if (!existsSync(program)) throw new Error(`${program} is in none of the unpacked packages`);
  const lines = execFileSync(loader, ['--library-path', folders.join(':'), '--list', program], { encoding: 'utf8' });
  if (lines.includes('not found')) throw new Error(`a package is missing from the list: ${program} needs\n${lines}`);
  return [...lines.matchAll(/=> (\/\S+)/g)].map((match) => match[1] ?? '');
}

function parents(path: string): readonly Entry[] {
  const folder = path.slice(0, path.lastIndexOf('/'));
  return folder === 'lib' ? [] : [{ type: 'dir', path: folder, mode: 0o755 }];
}
