/** What davitd finds itself on. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** `process.versions.node`. */
  readonly node: string;
  /** The effective user; undefined where there are none. */
  readonly uid: number | undefined;
}

const LEAST_NODE = 24;
const ARCHES = ['x64', 'arm64'];

/** The sentence that says why nothing of davit runs here; undefined when it does. */
export function unsupported(machine: Machine): string | undefined {
  const { platform, arch, node } = machine;
  if (Number.parseInt(node, 10) < LEAST_NODE) {
    return `davitd needs Node ${LEAST_NODE} or newer and was started by Node ${node}: start it by a newer one.`;
  }
  if (platform !== 'linux') return `davitd runs pods on Linux and cannot do so on ${platform}.`;
  if (!ARCHES.includes(arch)) return `davitd supports ${ARCHES.join(' and ')}, and this machine is ${arch}.`;
  return undefined;
}

/** The sentence that says why davitd cannot serve as who it was started; undefined when it can. */
export function unprivileged(machine: Machine): string | undefined {
  return machine.uid === 0
    ? undefined
    : 'davitd makes namespaces, mounts and cgroups and must run as root: start it by systemd or with sudo.';
}

export function thisMachine(): Machine {
  return { platform: process.platform, arch: process.arch, node: process.versions.node, uid: process.geteuid?.() };
}
