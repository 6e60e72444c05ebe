/**
 * Usage: node hack/build.ts [--out DIR] [--faults] [--all-arch] [--allow-missing]
 *
 * Makes what is shipped: one bundle for each kind of process or thread and one for traces, and the pod's PID 1 as a
 * static program. The generated protobuf code must be there (hack/generate-protos; `npm run build` does both).
 *
 *   --out DIR        where to, instead of dist
 *   --faults         leaves the fault points in, for tests; a bundle with them is not to be shipped
 *   --all-arch       fails where the PID 1 cannot be compiled for every architecture, as a package needs it
 *   --allow-missing  skips bundles whose source is not there, with a warning
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Metafile } from 'esbuild';
import { ARCHES, buildPause, missingCompiler } from './lib/build-native.ts';
import { bundle, type Bundle } from './lib/bundle.ts';
import { notices } from './lib/notices.ts';

const BUNDLES: readonly Bundle[] = [
  { entry: 'src/main.ts', out: 'davitd.js', bin: true, target: 'node18' },
  { entry: 'src/telemetry/traces/otlp-tracer.ts', out: 'davit-traces.js', bin: false },
  { entry: 'src/cli/main.ts', out: 'davit.js', bin: true },
  { entry: 'src/pump/main.ts', out: 'davit-pump.js', bin: true },
  { entry: 'src/engine/runtime/namespaces/worker.ts', out: 'davit-namespaces.js', bin: false },
  { entry: 'src/engine/security/rootfs/worker.ts', out: 'davit-rootfs.js', bin: false },
];

const root = resolve(import.meta.dirname, '..');

interface Options {
  readonly outDir: string;
  readonly faults: boolean;
  readonly allArch: boolean;
  readonly allowMissing: boolean;
}

async function buildAll(options: Options): Promise<void> {
  const metafiles: Metafile[] = [];
  for (const item of BUNDLES) {
    if (!existsSync(join(root, item.entry))) {
      if (!options.allowMissing) throw new Error(`${item.entry} is missing: nothing to make ${item.out} from`);
      console.error(`WARNING: ${item.entry} is missing, ${item.out} is NOT built`);
      continue;
    }
    metafiles.push(await bundle(item, { root, outDir: options.outDir, faults: options.faults }));
    report(join(options.outDir, item.out));
  }
  writeFileSync(join(options.outDir, 'THIRD-PARTY-LICENSES.txt'), notices(root, metafiles));
  buildNative(options);
}

function buildNative(options: Options): void {
  for (const arch of ARCHES) {
    const made = buildPause(arch, join(options.outDir, 'native'));
    if (made !== undefined) report(made);
    else if (options.allArch || arch === process.arch) throw new Error(missingCompiler(arch));
    else console.error(`native/pause.c is not built for ${arch}: ${missingCompiler(arch)}`);
  }
}

function report(path: string): void {
  console.error(`${relative(root, path)}: ${statSync(path).size} bytes`);
}

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'dist' },
    faults: { type: 'boolean', default: false },
    'all-arch': { type: 'boolean', default: false },
    'allow-missing': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  const [head = ''] = readFileSync(import.meta.filename, 'utf8').split('*/');
  console.log(
    head
      .replace(/^\/\*\*\n/, '')
      .replaceAll(/^ \* ?/gm, '')
      .trim(),
  );
} else {
  await buildAll({
    outDir: resolve(root, values.out),
    faults: values.faults,
    allArch: values['all-arch'],
    allowMissing: values['allow-missing'],
  });
}
