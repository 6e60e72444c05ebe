import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

export type Arch = 'x64' | 'arm64';

/** What each architecture is compiled by where it is not the machine's own; Debian's package has the name gcc-TRIPLET. */
const CROSS_COMPILERS: Readonly<Record<Arch, string>> = {
  x64: 'x86_64-linux-gnu-gcc',
  arm64: 'aarch64-linux-gnu-gcc',
};

/** No libc and nothing of the compiler's run time: a few hundred bytes that run on any kernel of the architecture. */
const FLAGS = [
  '-std=gnu11 -Os -Wall -Wextra -Werror',
  '-ffreestanding -nostdlib -static -fno-pie -no-pie -mgeneral-regs-only',
  '-fno-stack-protector -fno-asynchronous-unwind-tables',
  '-Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,noseparate-code -s',
].flatMap((line) => line.split(' '));

const SOURCE = resolve(import.meta.dirname, '../../native/pause.c');

export const ARCHES: readonly Arch[] = ['x64', 'arm64'];

/** The name under which the program for `arch` lies in `dist/native`. */
export function pauseName(arch: Arch): string {
  return `davit-pause-${arch}`;
}

/** Compiles native/pause.c into `folder`; undefined when there is no compiler for `arch`. */
export function buildPause(arch: Arch, folder: string): string | undefined {
  const compiler = compilerFor(arch);
  if (compiler === undefined) return undefined;
  mkdirSync(folder, { recursive: true });
  const target = join(folder, pauseName(arch));
  // Running pods may execute the file that is replaced here: a new inode, never the old one's bytes.
  const work = `${target}.${process.pid}.new`;
  const result = spawnSync(compiler, [...FLAGS, '-o', work, SOURCE], { encoding: 'utf8' });
  if (result.status !== 0) {
    rmSync(work, { force: true });
    throw new Error(`${compiler} does not compile native/pause.c:\n${result.stderr}`);
  }
  chmodSync(work, 0o755);
  renameSync(work, target);
  return target;
}

/** What to install where buildPause() finds no compiler. */
export function missingCompiler(arch: Arch): string {
  if (arch === process.arch) return 'there is no C compiler: install gcc';
  return `there is no ${CROSS_COMPILERS[arch]}: install gcc-${CROSS_COMPILERS[arch].replace(/-gcc$/, '').replace('_', '-')}`;
}

function compilerFor(arch: Arch): string | undefined {
  const candidates = arch === process.arch ? ['cc', 'gcc', CROSS_COMPILERS[arch]] : [CROSS_COMPILERS[arch]];
  return candidates.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}
