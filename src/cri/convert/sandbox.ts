import { isIP } from 'node:net';
import { invalidField } from '../../engine/index.ts';
import type {
  DnsConfig,
  Platform,
  PodResources,
  PortMapping,
  Sandbox,
  SandboxFilter,
  SandboxSpec,
} from '../../engine/index.ts';
import { PodSandboxState, Protocol } from '../generated/cri.js';
import type * as cri from '../generated/cri.js';
import { checkAbsolutePath, checkLine, climbs, quote, required } from './checks.ts';
import { compact } from './compact.ts';
import { toLogDirectory } from './log-path.ts';
import { copy, toAnnotations, toLabels, toSysctls } from './maps.ts';
import { toSandboxMetadata } from './metadata.ts';
import { toSandboxNamespaces } from './namespaces.ts';
import { toLinuxResources } from './resources.ts';
import { toSandboxSecurity } from './security.ts';
import { toWindowsNamespaces, toWindowsSecurity } from './windows.ts';

/** The kernel's limit for a host name. */
const MAX_HOSTNAME_BYTES = 64;
const HOSTNAME = /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/;
const MAX_PORT = 65_535;

/** `platform` is that of the pod's handler: it decides which part of the request counts. */
export function toSandboxSpec(request: cri.RunPodSandboxRequest, platform: Platform = 'linux'): SandboxSpec {
  const config = required('config', request.config);
  const { linux } = config;
  return compact({
    metadata: toSandboxMetadata('config.metadata', config.metadata),
    hostname: toHostname('config.hostname', config.hostname),
    logDirectory: toLogDirectory('config.log_directory', config.logDirectory),
    dns: toDns('config.dns_config', config.dnsConfig),
    portMappings: config.portMappings.flatMap((port, i) => toPortMapping(`config.port_mappings[${i}]`, port)),
    labels: toLabels('config.labels', config.labels),
    annotations: toAnnotations('config.annotations', config.annotations),
    handler: checkLine('runtime_handler', request.runtimeHandler),
    ...(platform === 'windows' ? toWindowsPart(config) : toLinuxPart(linux)),
    overhead: toResources('config.linux.overhead', linux?.overhead ?? null),
    resources: toResources('config.linux.resources', linux?.resources ?? null),
  });
}

function toLinuxPart(linux: cri.LinuxPodSandboxConfig | null) {
  const security = linux?.securityContext ?? null;
  return {
    cgroupParent: toCgroupParent('config.linux.cgroup_parent', linux?.cgroupParent ?? ''),
    sysctls: toSysctls('config.linux.sysctls', linux?.sysctls ?? {}),
    namespaces: toSandboxNamespaces(
      'config.linux.security_context.namespace_options',
      security?.namespaceOptions ?? null,
    ),
    privileged: security?.privileged ?? false,
    security: toSandboxSecurity('config.linux.security_context', security),
    windows: undefined,
  };
}

function toWindowsPart({ linux, windows: given }: cri.PodSandboxConfig) {
  const security = given?.securityContext ?? null;
  const windows = toWindowsSecurity('config.windows.security_context', security);
  return {
    cgroupParent: undefined,
    sysctls: {},
    namespaces: toWindowsNamespaces(windows, security, linux?.securityContext?.namespaceOptions ?? null),
    privileged: false,
    security: toSandboxSecurity('config.linux.security_context', null),
    windows,
  };
}

export function toPodResources(
  overhead: cri.LinuxContainerResources | null,
  resources: cri.LinuxContainerResources | null,
): PodResources {
  return compact({ overhead: toResources('overhead', overhead), resources: toResources('resources', resources) });
}

export function toSandboxFilter(filter: cri.PodSandboxFilter | null): SandboxFilter {
  return compact({
    id: filter === null || filter.id === '' ? undefined : filter.id,
    state: filter?.state ? toFilterState('filter.state.state', filter.state.state) : undefined,
    labels: copy(filter?.labelSelector ?? {}),
  });
}

/** Anything but ready is NOTREADY. */
export function fromSandboxState(state: Sandbox['state']): PodSandboxState {
  return state.phase === 'ready' ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
}

function toHostname(field: string, name: string): string | undefined {
  if (name === '') return undefined;
  if (name.length > MAX_HOSTNAME_BYTES || !HOSTNAME.test(name)) {
    throw invalidField(field, `must be a host name of at most ${MAX_HOSTNAME_BYTES} bytes, got ${quote(name)}`);
  }
  return name;
}

function toDns(field: string, dns: cri.DNSConfig | null): DnsConfig | undefined {
  if (dns === null) return undefined;
  const { servers, searches, options } = dns;
  if (servers.length + searches.length + options.length === 0) return undefined;
  return {
    servers: servers.map((server, i) => checkIp(`${field}.servers[${i}]`, server)),
    searches: searches.map((domain, i) => checkWord(`${field}.searches[${i}]`, domain)),
    options: options.map((option, i) => checkWord(`${field}.options[${i}]`, option)),
  };
}

/** Each becomes a word of a line of resolv.conf. */
function checkWord(field: string, word: string): string {
  if (!/^\S+$/.test(word)) throw invalidField(field, `must be one word, got ${quote(word)}`);
  return checkLine(field, word);
}

function checkIp(field: string, address: string): string {
  if (isIP(address) === 0) throw invalidField(field, `must be an IP address, got ${quote(address)}`);
  return address;
}

/** Without a host port there is nothing to map: the kubelet sends every port that a container declares. */
function toPortMapping(field: string, port: cri.PortMapping): readonly PortMapping[] {
  const protocol = toProtocol(`${field}.protocol`, port.protocol);
  const hostPort = checkPort(`${field}.host_port`, port.hostPort);
  const containerPort = checkPort(`${field}.container_port`, port.containerPort);
  const hostIp = port.hostIp === '' ? undefined : checkIp(`${field}.host_ip`, port.hostIp);
  if (hostPort === 0) return [];
  if (containerPort === 0) throw invalidField(`${field}.container_port`, 'is required where host_port is set');
  return [compact({ protocol, containerPort, hostPort, hostIp })];
}

function toProtocol(field: string, protocol: Protocol): PortMapping['protocol'] {
  if (protocol === Protocol.TCP) return 'tcp';
  if (protocol === Protocol.UDP) return 'udp';
  if (protocol === Protocol.SCTP) return 'sctp';
  throw invalidField(field, `there is no protocol ${String(protocol)}`);
}

function checkPort(field: string, port: number): number {
  if (port < 0 || port > MAX_PORT)
    throw invalidField(field, `must be from 1 to ${MAX_PORT}, or 0 for none, got ${port}`);
  return port;
}

function toCgroupParent(field: string, path: string): string | undefined {
  if (path === '') return undefined;
  if (climbs(path)) throw invalidField(field, `must not have .. in it, got ${quote(path)}`);
  return checkLine(field, checkAbsolutePath(field, path));
}

function toResources(field: string, message: cri.LinuxContainerResources | null) {
  return message === null ? undefined : toLinuxResources(field, message);
}

function toFilterState(field: string, state: PodSandboxState): 'ready' | 'not-ready' {
  if (state === PodSandboxState.SANDBOX_READY) return 'ready';
  if (state === PodSandboxState.SANDBOX_NOTREADY) return 'not-ready';
  throw invalidField(field, `there is no state ${String(state)}`);
}
