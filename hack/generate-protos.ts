/**
 * Generates static protobuf code from proto/: an ES module by pbjs and its types by our own printer.
 * Run by hack/generate-protos; see --help there.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { loadRoot } from './lib/load-protos.ts';
import { printModuleTail } from './lib/print-module.ts';
import { printTypes } from './lib/print-types.ts';

export interface Output {
  /** Folder with the .proto files; also their include path. */
  readonly from: string;
  /** Path of the module without its extension. */
  readonly to: string;
  /** Name of the module in protobufjs' registry of roots. */
  readonly name: string;
  /** Package whose members become the module's own exports; without it the packages are nested namespaces. */
  readonly flatten?: string;
}

const OUTPUTS: readonly Output[] = [
  { from: 'proto/cri', to: 'src/cri/generated/cri', name: 'cri', flatten: 'runtime.v1' },
  { from: 'proto/containerd', to: 'src/engine/containerd/generated/containerd', name: 'containerd' },
  { from: 'proto/admin', to: 'src/admin/generated/admin', name: 'admin', flatten: 'davit.admin.v1' },
  { from: 'proto/health', to: 'src/admin/generated/health', name: 'health', flatten: 'grpc.health.v1' },
  {
    from: 'proto/hcsshim',
    to: 'src/engine/containerd/generated/hcsshim/runhcs',
    name: 'hcsshim',
    flatten: 'containerd.runhcs.v1',
  },
];

const PBJS_ARGS =
  '-t static-module -w esm --force-long --no-comments --no-service --no-verify --no-convert --no-delimited --no-typeurl';

const root = resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

function generate(output: Output, force: boolean): void {
  const files = globSync('**/*.proto', { cwd: join(root, output.from) }).sort();
  const target = join(root, output.to);
  const stampFile = `${target}.stamp`;
  const stamp = hashInputs(output, files);
  const current = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (current && !force && existsSync(`${target}.js`) && existsSync(`${target}.d.ts`)) {
    console.log(`${output.to}: up to date`);
    return;
  }
  mkdirSync(dirname(target), { recursive: true });
  rmSync(stampFile, { force: true });
  const code = runPbjs(output, files, `${target}.${process.pid}.new`);
  const tree = loadRoot(join(root, output.from), files);
  replaceFile(`${target}.js`, camelCaseAny(useOurLong(code)) + printModuleTail(tree, output.flatten));
  replaceFile(`${target}.d.ts`, printTypes(tree, output.flatten));
  writeFileSync(stampFile, stamp);
  console.log(`${output.to}: generated from ${files.length} files`);
}

function hashInputs(output: Output, files: readonly string[]): string {
  const hash = createHash('sha256');
  const version = JSON.parse(readFileSync(require.resolve('protobufjs-cli/package.json'), 'utf8')).version;
  hash.update(`${version}\n${JSON.stringify(output)}\n`);
  const generator = globSync('hack/{generate-protos.ts,lib/load-protos.ts,lib/print-*.ts}', { cwd: root }).sort();
  for (const file of [...generator, ...files.map((file) => join(output.from, file))]) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

/** Readers never see half a file. */
function replaceFile(path: string, text: string): void {
  const work = `${path}.${process.pid}.new`;
  writeFileSync(work, text);
  renameSync(work, path);
}

/** The code that pbjs prints; `work` is a file for it to write to, removed again. */
function runPbjs(output: Output, files: readonly string[], work: string): string {
  const pbjs = join(dirname(require.resolve('protobufjs-cli/package.json')), 'bin', 'pbjs');
  const args = [pbjs, ...PBJS_ARGS.split(' '), '-r', output.name, '-p', join(root, output.from), '-o', work];
  args.push(...files.map((file) => join(root, output.from, file)));
  const result = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`pbjs failed for ${output.from}:\n${result.stderr}${result.stdout}`);
  const code = readFileSync(work, 'utf8');
  rmSync(work);
  return code;
}

/** protobufjs loads the CommonJS copy of `long`; our code imports the ES module. One process should have one class. */
function useOurLong(code: string): string {
  const anchor = 'import $protobuf from "protobufjs/minimal.js";\n';
  if (!code.includes(anchor)) throw new Error('pbjs printed another import of protobufjs than expected');
  return code.replace(
    anchor,
    `${anchor}import $Long from "long";\n\n$protobuf.util.Long = $Long;\n$protobuf.configure();\n`,
  );
}

/** protobufjs brings google.protobuf.Any with the field type_url, whatever the case of all other fields. */
function camelCaseAny(code: string): string {
  return code.replaceAll('type_url', 'typeUrl');
}

const force = process.argv.includes('--force');
for (const output of OUTPUTS) generate(output, force);
