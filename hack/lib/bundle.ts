import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, type Metafile } from 'esbuild';

export interface Bundle {
  /** The source that the process or thread starts at. */
  readonly entry: string;
  readonly out: string;
  /** Started by name: gets a first line for the kernel and the executable bits. */
  readonly bin: boolean;
}

export interface BundleOptions {
  readonly root: string;
  readonly outDir: string;
  /** Leaves the fault points in, for tests. */
  readonly faults: boolean;
}

/** Not bundled: koffi finds its native addon relative to itself. */
const EXTERNAL = ['koffi'];

/** Without the flag SIGUSR1 opens the inspector on a local port: a root shell for every pod of the host's network. */
const SHEBANG = '#!/usr/bin/env -S node --disable-sigusr1';

/** CommonJS packages inside an ES module still ask for Node's modules by require(). */
const REQUIRE = [
  "import { createRequire as $createRequire } from 'node:module';",
  'const require = $createRequire(import.meta.url);',
];

/** Bundles one entry with all its packages into one readable file; the answer lists what went in. */
export async function bundle(item: Bundle, options: BundleOptions): Promise<Metafile> {
  const result = await build({
    absWorkingDir: options.root,
    entryPoints: [item.entry],
    outfile: join(options.outDir, item.out),
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external: EXTERNAL,
    // Stack traces must be readable as they come, so names and lines stay.
    minify: false,
    legalComments: 'none',
    define: { DAVIT_FAULTS: String(options.faults), DAVIT_BUNDLED: 'true' },
    banner: { js: [...(item.bin ? [SHEBANG] : []), ...REQUIRE].join('\n') },
    logLevel: 'warning',
  });
  for (const file of result.outputFiles) writeWhole(file.path, file.contents, item.bin ? 0o755 : 0o644);
  return result.metafile;
}

/** A process that starts meanwhile finds the old file or the new one, never half of one. */
function writeWhole(path: string, contents: Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const work = `${path}.${process.pid}.new`;
  writeFileSync(work, contents);
  chmodSync(work, mode);
  renameSync(work, path);
}
