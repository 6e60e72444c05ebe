import type { PodDefaults } from '../engine-config.ts';
import { sysctlKind } from '../runtime/namespaces/index.ts';
import type { SandboxSpec, StringMap } from '../types/index.ts';

const ANY_PORT = { 'net.ipv4.ip_unprivileged_port_start': '0' };
/** Every group may. */
const PING = { 'net.ipv4.ping_group_range': '0 2147483647' };

/** The node's defaults, where the namespace that they belong to is the pod's own, under what the pod asks for. */
export function podSysctls(
  { sysctls, namespaces }: Pick<SandboxSpec, 'sysctls' | 'namespaces'>,
  { unprivilegedPorts, unprivilegedPing, sysctls: more }: PodDefaults,
): StringMap {
  const own = { net: namespaces.network === 'pod', ipc: namespaces.ipc === 'pod' };
  const defaults = under(more, { ...(unprivilegedPorts ? ANY_PORT : {}), ...(unprivilegedPing ? PING : {}) });
  const given = Object.entries(defaults).filter(([name]) => {
    const kind = sysctlKind(name);
    return kind !== undefined && own[kind];
  });
  return under(sysctls, Object.fromEntries(given));
}

/** Both, where only `upper` says something of a sysctl that they both name: `net.a.b` and `net/a/b` are one. */
function under(upper: StringMap, lower: StringMap): StringMap {
  const taken = new Set(Object.keys(upper).map(onePath));
  const rest = Object.entries(lower).filter(([name]) => !taken.has(onePath(name)));
  return { ...Object.fromEntries(rest), ...upper };
}

function onePath(name: string): string {
  return name.replaceAll('.', '/');
}
