import { chmod, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** One time that containerd started the stand-in. */
export interface ShimCall {
  /** Its path, as it was started. */
  readonly program: string;
  readonly args: readonly string[];
  /** `start`, `delete`, … */
  readonly action: string;
  readonly env: Readonly<Record<string, string>>;
  /** The bundle's OCI spec, where the working directory was a bundle. */
  readonly spec?: unknown;
}

/** A program under the names of shims: it notes how it was started, and fails. */
export class StandInShim {
  /** Where the programs are: for containerd's PATH. */
  readonly bin: string;
  readonly #calls: string;

  private constructor(bin: string, calls: string) {
    this.bin = bin;
    this.#calls = calls;
  }

  static async create(dir: string, names: readonly string[]): Promise<StandInShim> {
    const shim = new StandInShim(join(dir, 'bin'), join(dir, 'calls'));
    await mkdir(shim.bin);
    await mkdir(shim.#calls);
    for (const name of names) {
      await writeFile(join(shim.bin, name), script(shim.#calls));
      await chmod(join(shim.bin, name), 0o755);
    }
    return shim;
  }

  /**
   * From here on pods get a task, and their containers fail. `root` is a root with a program /pause in it, which the real
   * shim of runc runs in the place of whatever the pod asked for.
   */
  async letPodsRun(root: string): Promise<void> {
    const spec = {
      ociVersion: '1.0.2',
      process: { user: { uid: 0, gid: 0 }, args: ['/pause'], cwd: '/' },
      root: { path: root },
      mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
      linux: { namespaces: [{ type: 'pid' }, { type: 'mount' }], cgroupsPath: '/davit/stand-in' },
    };
    await writeFile(join(this.#calls, 'pod-spec'), JSON.stringify(spec));
  }

  async calls(): Promise<readonly ShimCall[]> {
    const folders = (await readdir(this.#calls)).filter((name) => /^\d+$/.test(name));
    const order = folders.toSorted((a, b) => Number(BigInt(a) - BigInt(b)));
    return await Promise.all(order.map((name) => readCall(join(this.#calls, name))));
  }

  async forget(): Promise<void> {
    for (const name of await readdir(this.#calls)) await rm(join(this.#calls, name), { recursive: true });
  }
}

async function readCall(folder: string): Promise<ShimCall> {
  const [program = '', ...args] = (await readFile(join(folder, 'args'), 'utf8')).trimEnd().split('\n');
  const lines = (await readFile(join(folder, 'env'), 'utf8')).trimEnd().split('\n');
  const spec = await readFile(join(folder, 'config.json'), 'utf8').catch(() => undefined);
  return {
    program,
    args,
    action: args.at(-1) ?? '',
    env: Object.fromEntries(lines.map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)])),
    ...(spec === undefined ? {} : { spec: JSON.parse(spec) as unknown }),
  };
}

/**
 * The real shim is told by stdin what containerd from 2.3 on tells shims there, but not one called runhcs-v1: a message
 * whose fields are the pod, the namespace, the two addresses of containerd, and its program. Shims of containerd 1 would take it for their options.
 */
function script(calls: string): string {
  return `#!/bin/sh
here=${calls}/$(date +%s%N)
mkdir $here
printf '%s\\n' "$0" "$@" >$here/args
env >$here/env
cp config.json $here/ 2>/dev/null
for word; do
  case $before in -namespace) namespace=$word ;; -id) id=$word ;; -publish-binary) binary=$word ;; esac
  before=$word
done
[ "$word" = start ] || exec containerd-shim-runc-v2 "$@"
field() { printf "\\\\$(printf %03o $(($1 * 8 + 2)))\\\\$(printf %03o \${#2})%s" "$2"; }
if [ -e ${calls}/pod-spec ] && grep -q '"io.kubernetes.cri.container-type":"sandbox"' config.json; then
  cp ${calls}/pod-spec config.json
  if containerd-shim-runc-v2 -v | grep -q 'Version: *v*1[.]'; then exec containerd-shim-runc-v2 "$@" </dev/null; fi
  {
    field 1 "$id"; field 2 "$namespace"; field 5 "$TTRPC_ADDRESS"; field 6 "$GRPC_ADDRESS"; field 7 "$binary"
  } | containerd-shim-runc-v2 "$@"
  exit
fi
cat >/dev/null
echo "a stand-in for $(basename $0) runs nothing" >&2
exit 1
`;
}

/** The name that containerd looks for. */
export function nameOf({ program }: ShimCall): string {
  return basename(program);
}
