import { invalidField } from '../../errors.ts';
import type { SandboxSpec, StringMap } from '../../types/index.ts';

/** A sysctl whose name and value were checked. */
export interface Sysctl {
  /** As it was asked for, for messages. */
  readonly name: string;
  /** Below /proc/sys. */
  readonly path: string;
  readonly value: string;
  /** The namespace that it belongs to. */
  readonly kind: 'net' | 'ipc';
}

/** Which namespaces are the pod's own. */
export interface OwnNamespaces {
  readonly network: boolean;
  readonly ipc: boolean;
}

const NAME_MAX_LENGTH = 253;
const VALUE_MAX_LENGTH = 4096;
/** Kubernetes' own rule for sysctl names: segments of lower-case letters, digits, `-` and `_` between `.` or `/`. */
const NAME = /^(?:[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?$/;
/** Numbers, lists, ranges, bit maps, addresses and names; nothing that another tool could take for more settings. */
const VALUE = /^[A-Za-z0-9_.,:/ \t-]*$/;
const IPC_PREFIXES = ['kernel/shm', 'kernel/msg', 'fs/mqueue/'];
const IPC_NAMES = ['kernel/sem'];
const NET_PREFIX = 'net/';

/**
 * Checks a sandbox's sysctls: names, values, and that each belongs to a namespace of the pod's own, so that none reaches
 * the node. Throws invalid-argument naming `config.linux.sysctls["name"]`.
 */
export function checkSysctls(sysctls: StringMap, own: OwnNamespaces): readonly Sysctl[] {
  return Object.entries(sysctls).map(([name, value]) => checkSysctl(name, value, own));
}

/** The same, of a whole spec. */
export function checkSandboxSysctls(spec: Pick<SandboxSpec, 'sysctls' | 'namespaces'>): readonly Sysctl[] {
  return checkSysctls(spec.sysctls, {
    network: spec.namespaces.network === 'pod',
    ipc: spec.namespaces.ipc === 'pod',
  });
}

/** The namespace that a sysctl belongs to; undefined for one of the node. */
export function sysctlKind(name: string): Sysctl['kind'] | undefined {
  return kindOf(pathOf(name));
}

/** The field's path in a RunPodSandbox request. */
export function sysctlField(name: string): string {
  return `config.linux.sysctls[${JSON.stringify(name)}]`;
}

function checkSysctl(name: string, value: string, own: OwnNamespaces): Sysctl {
  const field = sysctlField(name.slice(0, NAME_MAX_LENGTH));
  if (name.length > NAME_MAX_LENGTH) throw invalidField(field, `name is longer than ${NAME_MAX_LENGTH} characters`);
  if (!NAME.test(name)) {
    throw invalidField(
      field,
      'not a sysctl name: lower-case letters, digits, "-" and "_" in parts joined by "." or "/"',
    );
  }
  if (value.length > VALUE_MAX_LENGTH) throw invalidField(field, `value is longer than ${VALUE_MAX_LENGTH} characters`);
  if (!VALUE.test(value)) {
    throw invalidField(field, 'value holds a character other than letters, digits, blanks and "_.,:/-"');
  }
  const path = pathOf(name);
  const kind = kindOf(path);
  if (kind === undefined) {
    throw invalidField(
      field,
      'not a namespaced sysctl: kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.* and net.* are',
    );
  }
  if (kind === 'net' && !own.network) throw invalidField(field, "belongs to the node's network, which the pod shares");
  if (kind === 'ipc' && !own.ipc)
    throw invalidField(field, "belongs to the node's IPC namespace, which the pod shares");
  return { name, path, value, kind };
}

/** The first separator decides: after a `.`, each `/` stands for a `.` inside a part (`net.ipv4.conf.eth0/1.forwarding`). */
function pathOf(name: string): string {
  if (/[./]/.exec(name)?.[0] !== '.') return name;
  return name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}

function kindOf(path: string): 'net' | 'ipc' | undefined {
  if (path.startsWith(NET_PREFIX)) return 'net';
  if (IPC_NAMES.includes(path) || IPC_PREFIXES.some((prefix) => path.startsWith(prefix))) return 'ipc';
  return undefined;
}
