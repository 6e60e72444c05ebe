import type { Config } from '../../config/index.ts';
import { parseRuntimeFeatures, parseRuntimeVersion } from '../../engine/runtime/runtime-info.ts';
import { shimBinaryOf, shimKindOf } from '../../shim-kinds.ts';
import { error, note, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';
import { holesOf, RUNC_HOLES } from '../known-holes.ts';
import { parseRelease } from '../release.ts';

const DEFAULT_BINARY = 'runc';

/** The shims and OCI runtimes of the handlers. */
export async function checkRuntimes(host: Host, config: Config): Promise<readonly Found[]> {
  const handlers = Object.entries(config.handlers);
  const types = new Map(handlers.map(([name, { type }]) => [type, name]));
  const shims = [...types].flatMap(([type, name]) => checkShim(host, type, name));
  const runcLike = handlers.filter(([, { type }]) => shimKindOf(type) === 'runc');
  const binaries = new Map(runcLike.map(([name, { binary }]) => [binary ?? DEFAULT_BINARY, name]));
  const runtimes = await Promise.all([...binaries].map(([binary, name]) => checkRuntime(host, binary, name)));
  return [...shims, ...runtimes.flat()];
}

function checkShim(host: Host, type: string, handler: string): readonly Found[] {
  const program = shimBinaryOf(type);
  if (host.find(program) !== undefined) return [];
  return [
    error(`the shim ${program} of handler ${handler} is not in PATH`, {
      why: 'containerd starts no container without it.',
      fix: 'install it (it comes with containerd), or correct `type` of the handler',
    }),
  ];
}

async function checkRuntime(host: Host, binary: string, handler: string): Promise<readonly Found[]> {
  const path = host.find(binary);
  const ran = path === undefined ? undefined : await host.run(path, ['--version']);
  if (path === undefined || ran?.code !== 0) {
    return [
      error(`the OCI runtime ${binary} of handler ${handler} cannot be run`, {
        why: 'no container of this handler can start.',
        fix: `install ${binary}, or name another one by handlers.${handler}.binary`,
      }),
    ];
  }
  const { name, version } = parseRuntimeVersion(ran.output);
  const shown = `${name} ${version} (${path})`;
  return [...knownHoles(name, version, shown), ...(await features(host, path, shown))];
}

function knownHoles(name: string, version: string, shown: string): readonly Found[] {
  const release = parseRelease(version);
  if (name !== 'runc' || release === undefined) return [ok(shown)];
  const holes = holesOf(release, RUNC_HOLES);
  if (holes.length === 0) return [ok(`${shown}, no hole known by its number`)];
  return [
    warning(`${shown} has known holes: ${holes.map(({ cve }) => cve).join(', ')}`, {
      why: `${[...new Set(holes.map(({ what }) => what))].join('; ')}.`,
      fix:
        'install runc 1.3.6, 1.4.3, 1.5.0 or newer; a distribution may have closed them and kept the number: ' +
        'see `apt changelog runc` or `rpm -q --changelog runc`',
    }),
  ];
}

async function features(host: Host, path: string, shown: string): Promise<readonly Found[]> {
  const ran = await host.run(path, ['features']);
  const known = ran?.code === 0 ? parse(ran.output) : undefined;
  if (known?.idmappedMounts === true) return [];
  return [note(`${shown} has no idmapped mounts`, { why: 'pods that ask for a user namespace are refused.' })];
}

function parse(text: string): ReturnType<typeof parseRuntimeFeatures> | undefined {
  try {
    return parseRuntimeFeatures(text);
  } catch {
    return undefined;
  }
}
