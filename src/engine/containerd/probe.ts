import type { CallOptions } from './call.ts';
import type { Clients } from './clients.ts';
import type { introspection } from './generated/containerd.js';

/** What a containerd is and offers. */
export interface ServerFacts {
  readonly version: string;
  readonly revision: string;
  /** Belongs to the server's root directory, so it names the data and stays over restarts. */
  readonly uuid: string;
  /** Plugins that work, as `type/id`. */
  readonly plugins: ReadonlySet<string>;
  /** Plugins that do not, with the reason. */
  readonly failed: ReadonlyMap<string, string>;
  /** Snapshotters that work. */
  readonly snapshotters: readonly SnapshotterFacts[];
  /** gRPC services beyond those that every version has. */
  readonly offers: { readonly transfer: boolean; readonly streaming: boolean; readonly sandboxes: boolean };
}

export interface SnapshotterFacts {
  readonly name: string;
  /** Directory that holds its data; undefined when the plugin does not say (containerd 1.6 has its own place for it). */
  readonly root: string | undefined;
  readonly capabilities: readonly string[];
}

/** Asks a server what it is. Works on containerd 1.6 and later. */
export async function probeServer(clients: Clients, options: CallOptions): Promise<ServerFacts> {
  const [version, uuid, { plugins }] = await Promise.all([
    clients.version.version({}, options),
    serverUuid(clients, options),
    clients.introspection.plugins({}, options),
  ]);
  const working = plugins.filter((plugin) => plugin.initErr === null);
  const names = new Set(working.map(pluginName));
  return {
    version: version.version,
    revision: version.revision,
    uuid,
    plugins: names,
    failed: new Map(
      plugins.flatMap((plugin) =>
        plugin.initErr === null ? [] : ([[pluginName(plugin), plugin.initErr.message]] as const),
      ),
    ),
    snapshotters: working.filter((plugin) => plugin.type === SNAPSHOTTER_TYPE).map(snapshotterFacts),
    offers: {
      transfer: names.has(`${GRPC_TYPE}/transfer`),
      streaming: names.has(`${GRPC_TYPE}/streaming`),
      sandboxes: names.has(`${GRPC_TYPE}/sandboxes`),
    },
  };
}

/** The identity of a server's data. */
export async function serverUuid(clients: Clients, options: CallOptions): Promise<string> {
  return (await clients.introspection.server({}, options)).uuid;
}

const SNAPSHOTTER_TYPE = 'io.containerd.snapshotter.v1';
const GRPC_TYPE = 'io.containerd.grpc.v1';

function pluginName(plugin: introspection.Plugin): string {
  return `${plugin.type}/${plugin.id}`;
}

function snapshotterFacts(plugin: introspection.Plugin): SnapshotterFacts {
  return { name: plugin.id, root: plugin.exports['root'], capabilities: plugin.capabilities };
}
