import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { EngineError, invalidField, messageOf } from '../errors.ts';
import type { DnsConfig } from '../types/index.ts';

/** Where the node keeps what pods are shown copies of. */
export interface NodeFiles {
  readonly resolvConf: string;
  /** The servers behind systemd-resolved's stub. */
  readonly resolvedConf: string;
  readonly hosts: string;
}

export const NODE_FILES: NodeFiles = {
  resolvConf: '/etc/resolv.conf',
  resolvedConf: '/run/systemd/resolve/resolv.conf',
  hosts: '/etc/hosts',
};

/** Where systemd-resolved listens: an address of the node's loopback, which a pod's network does not have. */
const RESOLVED_STUB = '127.0.0.53';
/** One word of visible characters. */
const WORD = /^[^\s\p{Cc}]+$/u;

/** Throws invalid-argument naming the field for what would not be one word of its line in resolv.conf. */
export function checkDns(dns: DnsConfig): void {
  dns.servers.forEach((server, i) => {
    if (isIP(server) === 0)
      throw invalidField(`config.dns_config.servers[${i}]`, `not an IP address: ${quoted(server)}`);
  });
  dns.searches.forEach((search, i) => {
    if (!WORD.test(search)) throw invalidField(`config.dns_config.searches[${i}]`, `not a domain: ${quoted(search)}`);
  });
  dns.options.forEach((option, i) => {
    if (!WORD.test(option)) throw invalidField(`config.dns_config.options[${i}]`, `not an option: ${quoted(option)}`);
  });
}

/** The resolv.conf that a request asks for; undefined when it asks for nothing, so that the node's is meant. */
export function renderResolvConf(dns: DnsConfig | undefined): string | undefined {
  if (dns === undefined) return undefined;
  checkDns(dns);
  const lines = [
    ...(dns.searches.length > 0 ? [`search ${dns.searches.join(' ')}`] : []),
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.options.length > 0 ? [`options ${dns.options.join(' ')}`] : []),
  ];
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`;
}

/** The node's resolv.conf as a pod can use it: where the pod has a network of its own, without systemd-resolved's stub. */
export async function readNodeResolvConf(files: NodeFiles, network: 'pod' | 'node'): Promise<string> {
  const own = (await readIfThere(files.resolvConf)) ?? '';
  if (network === 'node' || !nameserversOf(own).includes(RESOLVED_STUB)) return own;
  return (await readIfThere(files.resolvedConf)) ?? own;
}

/** The file's text; undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new EngineError('internal', `read the node's ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function nameserversOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([keyword]) => keyword === 'nameserver')
    .map(([, server]) => server ?? '');
}

function quoted(value: string): string {
  return JSON.stringify(value.slice(0, 80));
}
