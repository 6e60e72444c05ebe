import { join } from 'node:path';
import { EngineError } from '../errors.ts';

/** Where a supervised containerd keeps its things. */
export interface SupervisedPaths {
  /** containerd's root: content, snapshots, its database. */
  readonly root: string;
  /** containerd's state: what does not survive a boot. */
  readonly state: string;
  /** Its socket. */
  readonly address: string;
  readonly config: string;
  readonly log: string;
  /** Holds the pid, for people and scripts. */
  readonly pidFile: string;
}

/** Name of the folder that holds them, below root and below state. */
export const SUPERVISED_FOLDER = 'containerd';
/** The longest path that a unix socket can have, in bytes. */
const SOCKET_PATH_LIMIT = 107;
/** containerd listens for its shims' events at its own socket's path with this after it. */
const TTRPC_SUFFIX = '.ttrpc';

/** `root` and `state` are the engine's own directories. */
export function supervisedPaths(root: string, state: string): SupervisedPaths {
  const ownState = join(state, SUPERVISED_FOLDER);
  return {
    root: join(root, SUPERVISED_FOLDER),
    state: ownState,
    address: join(ownState, 'containerd.sock'),
    config: join(root, 'containerd.toml'),
    log: join(root, 'containerd.log'),
    pidFile: join(ownState, 'containerd.pid'),
  };
}

/** containerd's configuration in the form that 1.6 and 2.x both read; plugins that a version does not have are ignored. */
export function supervisedConfig(paths: SupervisedPaths): string {
  const longest = Buffer.byteLength(paths.address + TTRPC_SUFFIX);
  if (longest > SOCKET_PATH_LIMIT) {
    throw new EngineError(
      'failed-precondition',
      `containerd's socket ${paths.address} is too long by ${longest - SOCKET_PATH_LIMIT} bytes: give a shorter --state`,
    );
  }
  return `# Written by davitd at each start; changes are lost.
version = 2
root = ${JSON.stringify(paths.root)}
state = ${JSON.stringify(paths.state)}
disabled_plugins = [${DISABLED_PLUGINS.map((name) => `\n  ${JSON.stringify(name)},`).join('')}
]

[grpc]
  address = ${JSON.stringify(paths.address)}
`;
}

/** Kubernetes speaks to davitd instead; opt would make a directory of its own, nri a socket that is the system's. */
const DISABLED_PLUGINS = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.images',
  'io.containerd.cri.v1.runtime',
  'io.containerd.internal.v1.opt',
  'io.containerd.nri.v1.nri',
];
