import { isIP } from 'node:net';
import type { NetworkConf, PluginConf } from './cni-conf.ts';

export interface BuiltinOptions {
  readonly name: string;
  readonly bridge: string;
  /** Address ranges such as 10.88.0.0/16: one, or one of each family. */
  readonly subnets: readonly string[];
  /** Whether the optional plugin is installed. */
  readonly firewall: boolean;
  /** Whether this pod asks for a limit, and the plugin for it is installed. */
  readonly bandwidth: boolean;
}

export const BUILTIN_NAME = 'davit';
export const BUILTIN_BRIDGE = 'davit0';
export const BUILTIN_SOURCE = 'built-in';
/** Debian 12's plugins know nothing newer. */
const BUILTIN_CNI_VERSION = '1.0.0';

/** A network on a bridge of our own, made by the standard plugins. */
export function builtinConf({ name, bridge, subnets, firewall, bandwidth }: BuiltinOptions): NetworkConf {
  const defaults = [
    { dst: '0.0.0.0/0', family: 4 },
    { dst: '::/0', family: 6 },
  ];
  const families = new Set(subnets.map((subnet) => isIP(subnet.split('/')[0] ?? '')));
  const plugins: readonly (PluginConf | false)[] = [
    {
      type: 'bridge',
      bridge,
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        ranges: subnets.map((subnet) => [{ subnet }]),
        routes: defaults.filter(({ family }) => families.has(family)).map(({ dst }) => ({ dst })),
      },
    },
    { type: 'portmap', snat: true, capabilities: { portMappings: true } },
    firewall && { type: 'firewall' },
    bandwidth && { type: 'bandwidth', capabilities: { bandwidth: true } },
  ];
  return {
    name,
    cniVersion: BUILTIN_CNI_VERSION,
    disableCheck: false,
    disableGc: true,
    plugins: plugins.filter((plugin) => plugin !== false),
    source: BUILTIN_SOURCE,
  };
}
