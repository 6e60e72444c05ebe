import type { Config } from '../../config/index.ts';
import { BUILTIN_BRIDGE, BUILTIN_NAME, builtinConf, findPlugin, loadNetworkConf } from '../../engine/network/index.ts';
import type { NetworkConf } from '../../engine/network/index.ts';
import { error, note, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';

/** The folders of CNI: a configuration that is valid, and the plugins that it names. */
export async function checkNetwork(config: Config): Promise<readonly Found[]> {
  const shared = await checkFolders(config.cniConfDir, config);
  const own = Object.entries(config.handlers).flatMap(([name, { cniConfDir }]) =>
    cniConfDir === undefined ? [] : [[name, cniConfDir] as const],
  );
  const ofHandlers = await Promise.all(own.map(([, dir]) => checkFolders([dir], config)));
  return [...shared, ...ofHandlers.flat()];
}

async function checkFolders(dirs: readonly string[], config: Config): Promise<readonly Found[]> {
  const selection = await loadNetworkConf(dirs);
  const broken = selection.problems.map(({ path, message }) =>
    warning(`${path}: ${message}`, {
      why: 'the file is passed over; another one, or none, serves in its place.',
      fix: 'correct the file or remove it: it is read again at once',
    }),
  );
  const { network } = selection;
  const what = network === undefined ? 'the built-in network' : `network "${network.name}" of ${network.source}`;
  if (network === undefined && !config.builtinNetwork) return [...broken, none(dirs)];
  const missing = await missingPlugins(network ?? builtin(config), config);
  if (missing.length === 0) return [...broken, network === undefined ? note(what) : ok(what)];
  return [
    ...broken,
    error(`${what} needs plugins that are not in ${config.cniBinDir.join(', ')}: ${missing.join(', ')}`, {
      why: 'NetworkReady is false: only pods of the host network start.',
      fix: 'apt install containernetworking-plugins, or install the network’s own; or add their folder to cni_bin_dir',
    }),
  ];
}

function none(dirs: readonly string[]): Found {
  return error(`no CNI configuration in ${dirs.join(', ')}`, {
    why: 'NetworkReady is false: only pods of the host network start.',
    fix: 'in a cluster: wait for its network plugin, or install it; on a single node: builtin_network = true',
  });
}

/** With the plugins that it cannot be without. */
function builtin(config: Config): NetworkConf {
  const subnets = config.network.builtinSubnet;
  return builtinConf({ name: BUILTIN_NAME, bridge: BUILTIN_BRIDGE, subnets, firewall: false, bandwidth: false });
}

async function missingPlugins({ name, plugins }: NetworkConf, config: Config): Promise<readonly string[]> {
  const types = plugins.flatMap(pluginTypes);
  const found = await Promise.all(
    types.map((type) =>
      findPlugin(type, config.cniBinDir, name).then(
        () => [],
        () => [type],
      ),
    ),
  );
  return [...new Set(found.flat())];
}

/** A plugin may have another one for its addresses. */
function pluginTypes(plugin: { readonly type: string; readonly [key: string]: unknown }): readonly string[] {
  const ipam = plugin['ipam'];
  const own = typeof ipam === 'object' && ipam !== null && 'type' in ipam ? ipam.type : undefined;
  return typeof own === 'string' ? [plugin.type, own] : [plugin.type];
}
