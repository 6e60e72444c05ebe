import { invalidField } from '../errors.ts';
import type { DnsConfig, PortMapping, StringMap } from '../types/index.ts';
import type { PluginConf } from './cni-conf.ts';
import type { JsonObject } from './json.ts';
import { isObject } from './json.ts';
import { parseQuantity } from '../quantity.ts';

/** What a pod asks of the plugins that can do it. */
export interface CapabilityRequest {
  readonly portMappings: readonly PortMapping[];
  readonly annotations: StringMap;
  readonly dns?: DnsConfig;
  /** The node's pod address ranges, as the kubelet told them. */
  readonly podCidrs: readonly string[];
  readonly cgroupParent?: string;
}

export const PORT_MAPPINGS = 'portMappings';
export const BANDWIDTH = 'bandwidth';

const INGRESS = 'kubernetes.io/ingress-bandwidth';
const EGRESS = 'kubernetes.io/egress-bandwidth';
/** Kubernetes' own bounds for a pod's bandwidth, in bits per second. */
const RATE_MIN = 1e3;
const RATE_MAX = 1e15;
/** Bits that may pass at once: the kubelet has always asked for this many. */
const BURST_BITS = 2 ** 31 - 1;

/**
 * Values of every capability by the names of the CNI conventions. Throws invalid-argument naming the annotation when a
 * bandwidth is not a quantity from 1k to 1P.
 */
export function capabilityArgs(request: CapabilityRequest): JsonObject {
  const ports = request.portMappings.filter(({ hostPort }) => hostPort > 0);
  const bandwidth = bandwidthOf(request.annotations);
  const { dns, cgroupParent, podCidrs } = request;
  return {
    ...(ports.length === 0 ? {} : { [PORT_MAPPINGS]: ports.map(portMapping) }),
    ...(bandwidth === undefined ? {} : { [BANDWIDTH]: bandwidth }),
    ...(dns === undefined ? {} : { dns: { servers: dns.servers, searches: dns.searches, options: dns.options } }),
    ...(podCidrs.length === 0 ? {} : { ipRanges: podCidrs.map((subnet) => [{ subnet }]) }),
    ...(cgroupParent === undefined ? {} : { cgroupPath: cgroupParent }),
    'io.kubernetes.cri.pod-annotations': request.annotations,
  };
}

/** The part of `args` that the plugin says it can do. */
export function runtimeConfigFor(plugin: PluginConf, args: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(args).filter(([name]) => declares(plugin, name)));
}

export function declares(plugin: PluginConf, capability: string): boolean {
  const capabilities = plugin['capabilities'];
  return isObject(capabilities) && Object.hasOwn(capabilities, capability) && capabilities[capability] === true;
}

function portMapping({ hostPort, containerPort, protocol, hostIp }: PortMapping): JsonObject {
  return { hostPort, containerPort, protocol, ...(hostIp === undefined ? {} : { hostIP: hostIp }) };
}

function bandwidthOf(annotations: StringMap): JsonObject | undefined {
  const ingress = rateOf(annotations, INGRESS);
  const egress = rateOf(annotations, EGRESS);
  if (ingress === undefined && egress === undefined) return undefined;
  return {
    ...(ingress === undefined ? {} : { ingressRate: ingress, ingressBurst: BURST_BITS }),
    ...(egress === undefined ? {} : { egressRate: egress, egressBurst: BURST_BITS }),
  };
}

function rateOf(annotations: StringMap, name: string): number | undefined {
  const text = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
  if (text === undefined) return undefined;
  const rate = parseQuantity(text);
  if (rate === undefined || rate < RATE_MIN || rate > RATE_MAX) {
    throw invalidField(
      `config.annotations[${JSON.stringify(name)}]`,
      `not a bandwidth from 1k to 1P bits per second: ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return Math.ceil(rate);
}
