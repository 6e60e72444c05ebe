import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, transform, type Metafile, type Plugin } from 'esbuild';

export interface Bundle {
  /** The source that the process or thread starts at. */
  readonly entry: string;
  readonly out: string;
  /** Started by name: gets a first line for the kernel and the executable bits. */
  readonly bin: boolean;
  /** The oldest Node that must understand the file, if only to be refused by it; absent: the one that davit needs. */
  readonly target?: string;
}

export interface BundleOptions {
  readonly root: string;
  readonly outDir: string;
  /** Leaves the fault points in, for tests. */
  readonly faults: boolean;
}

const TARGET = 'node24';

/**
 * koffi is not bundled: it finds its native addon relative to itself. It is loaded by require(), where the code that
 * imports it runs; an import would be moved to the head of the bundle, before davitd can say that the machine is not
 * supported.
 */
const KOFFI: Plugin = {
  name: 'koffi',
  setup(build) {
    build.onResolve({ filter: /^koffi$/ }, ({ kind }) =>
      kind === 'require-call' ? { path: 'koffi', external: true } : { path: 'koffi', namespace: 'required' },
    );
    build.onLoad({ filter: /./, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** The parser of YAML is large, and few nodes have a file of classes: its modules run when one is read, not at each start. */
const YAML: Plugin = {
  name: 'yaml',
  setup(build) {
    const { absWorkingDir: resolveDir = '.' } = build.initialOptions;
    build.onResolve({ filter: /^yaml$/ }, ({ kind }) =>
      kind === 'require-call' ? undefined : { path: 'yaml', namespace: 'lazy' },
    );
    build.onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({
      contents: `exports.parse = (text) => require(${JSON.stringify(path)}).parse(text);`,
      resolveDir,
    }));
  },
};

/**
 * OpenTelemetry's SDK is a bundle of its own beside davitd's, read when calls are traced. In it, one of its packages asks
 * for grpc-js by a require() that it makes itself, which no bundler sees.
 */
const TRACES: Plugin = {
  name: 'traces',
  setup(build) {
    build.onResolve({ filter: /\/otlp-tracer\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './davit-traces.js', external: true } : undefined,
    );
    build.onLoad({ filter: /\/@opentelemetry\/otlp-grpc-exporter-base\/.*\.mjs$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('__require("@grpc/grpc-js")', 'require("@grpc/grpc-js")'),
      loader: 'js',
    }));
  },
};

/**
 * Without the first flag SIGUSR1 opens the inspector on a local port: a root shell for every pod of the host's network.
 * Without the second a daemon keeps three times the garbage after a thousand sessions: 440 MB instead of 200.
 */
const SHEBANG = '#!/usr/bin/env -S node --disable-sigusr1 --max-semi-space-size=8';

/** CommonJS packages inside an ES module still ask for Node's modules by require(). */
const REQUIRE = [
  "import { createRequire as $createRequire } from 'node:module';",
  'const require = $createRequire(import.meta.url);',
];

/**
 * What a constant switches off is only left out where syntax is minified, which would make all of the bundle hard to
 * read: so it is done to the few files that ask for the constant, and before they are bundled.
 */
function switches(define: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'switches',
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        const source = readFileSync(path, 'utf8');
        if (!source.includes('DAVIT_FAULTS')) return undefined;
        const options = { loader: 'ts', define, minifySyntax: true, target: TARGET, sourcefile: path } as const;
        return { contents: (await transform(source, options)).code, loader: 'js' };
      });
    },
  };
}

/** Bundles one entry with all its packages into one readable file; the answer lists what went in. */
export async function bundle(item: Bundle, options: BundleOptions): Promise<Metafile> {
  const define = { DAVIT_FAULTS: String(options.faults) };
  const result = await build({
    absWorkingDir: options.root,
    entryPoints: [item.entry],
    outfile: join(options.outDir, item.out),
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: item.target ?? TARGET,
    format: 'esm',
    plugins: [KOFFI, YAML, TRACES, switches(define)],
    // Stack traces must be readable as they come, so names and lines stay.
    minify: false,
    legalComments: 'none',
    define,
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
