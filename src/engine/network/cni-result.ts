import { isIP } from 'node:net';
import type { IpPreference } from '../engine-config.ts';
import type { JsonObject } from './json.ts';
import { isObject, textOf } from './json.ts';

/**
 * The pod's addresses in a plugin's result, without prefix lengths, in the order of the result. Addresses that the result
 * puts on an interface of the node are not the pod's. Knows the shapes of all versions of the specification.
 */
export function podIps(result: JsonObject): readonly string[] {
  const listed = listOf(result['ips']);
  const entries = listed.length > 0 ? listed : [renamed(result['ip4']), renamed(result['ip6'])];
  const interfaces = listOf(result['interfaces']);
  const ips = entries
    .filter((entry) => isObject(entry))
    .filter((entry) => isInPod(entry['interface'], interfaces))
    .map((entry) => textOf(entry['address'])?.split('/')[0] ?? '')
    .filter((ip) => isIP(ip) !== 0);
  return [...new Set(ips)];
}

/** The first of the family that is preferred comes first; `cni` leaves the order to the plugins. */
export function preferred(ips: readonly string[], preference: IpPreference): readonly string[] {
  if (preference === 'cni') return ips;
  const family = preference === 'ipv4' ? 4 : 6;
  return [...ips.filter((ip) => isIP(ip) === family), ...ips.filter((ip) => isIP(ip) !== family)];
}

/** Until version 0.2.0 there was one address of each family, under other names. */
function renamed(entry: unknown): JsonObject | undefined {
  return isObject(entry) ? { address: entry['ip'] } : undefined;
}

function isInPod(index: unknown, interfaces: readonly unknown[]): boolean {
  const owner = typeof index === 'number' ? interfaces[index] : undefined;
  return !isObject(owner) || textOf(owner['sandbox']) !== undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
