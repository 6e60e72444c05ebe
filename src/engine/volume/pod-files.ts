import { access, mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withContext } from '../errors.ts';
import type { SandboxId } from '../ids.ts';
import type { SandboxSpec } from '../types/index.ts';
import type { NodeFiles } from './resolv-conf.ts';
import { NODE_FILES, readIfThere, readNodeResolvConf, renderResolvConf } from './resolv-conf.ts';

/** What mounts a pod's /dev/shm: the namespace service fits. */
export interface TmpfsMounts {
  mountTmpfs(
    target: string,
    options: {
      readonly sizeBytes: number;
      readonly mode: number;
      readonly flags: readonly ('nosuid' | 'nodev' | 'noexec')[];
    },
  ): Promise<void>;
  unmount(target: string): Promise<void>;
}

export interface PodFilesDeps {
  /** The daemon's state folder. */
  readonly state: string;
  readonly mounts: TmpfsMounts;
  readonly nodeFiles?: NodeFiles;
}

export interface PodFilesRequest {
  readonly spec: Pick<SandboxSpec, 'dns' | 'namespaces'>;
  /** Of the pod's own /dev/shm; absent: 64 MiB. */
  readonly shmSizeBytes?: number;
  /** What /etc/hostname says and, on a network of the pod's own, what the pod's addresses are called. */
  readonly hostname: string;
  /** The pod's addresses, if they are known already; else see `writeHosts`. */
  readonly ips?: readonly string[];
}

/** Paths on the node to bind into each container of the pod. */
export interface PodFileMounts {
  readonly resolvConf: string;
  readonly hosts: string;
  readonly hostname: string;
  /** The pod's own /dev/shm, or the node's where the pod shares its IPC namespace. */
  readonly shm: string;
}

/** The files of a pod that its containers share, under `<state>/sandboxes/<id>/`. */
export interface PodFiles {
  /** Writes the files and mounts /dev/shm. When it fails, `remove` takes what is there. Throws invalid-argument for bad DNS. */
  create(sandboxId: SandboxId, request: PodFilesRequest): Promise<PodFileMounts>;
  /** Writes /etc/hosts of a pod with a network of its own, in place: containers that have it mounted see it. */
  writeHosts(sandboxId: SandboxId, hostname: string, ips: readonly string[]): Promise<void>;
  /** Where `create` put them, or will. */
  mountsOf(sandboxId: SandboxId, namespaces: SandboxSpec['namespaces']): PodFileMounts;
  /** Sandboxes whose files are there. */
  list(): Promise<readonly string[]>;
  /** Unmounts and removes; a sandbox without files is success. */
  remove(sandboxId: SandboxId): Promise<void>;
}

const POD_DIR_MODE = 0o700;
const FILE_MODE = 0o644;
const SHM_SIZE_BYTES = 64 * 1024 * 1024;
const SHM_MODE = 0o1777;
const NODE_SHM = '/dev/shm';
const LOCAL_HOSTS = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

export function createPodFiles(deps: PodFilesDeps): PodFiles {
  return new Files(deps);
}

class Files implements PodFiles {
  readonly #root: string;
  readonly #mounts: TmpfsMounts;
  readonly #node: NodeFiles;

  constructor(deps: PodFilesDeps) {
    this.#root = join(deps.state, 'sandboxes');
    this.#mounts = deps.mounts;
    this.#node = deps.nodeFiles ?? NODE_FILES;
  }

  async create(sandboxId: SandboxId, { spec, hostname, ips, shmSizeBytes }: PodFilesRequest): Promise<PodFileMounts> {
    const { network, ipc } = spec.namespaces;
    const paths = this.mountsOf(sandboxId, spec.namespaces);
    const resolvConf = renderResolvConf(spec.dns) ?? (await readNodeResolvConf(this.#node, network));
    const hosts =
      network === 'node'
        ? ((await readIfThere(this.#node.hosts)) ?? renderHosts([], ''))
        : renderHosts(ips ?? [], hostname);
    try {
      await mkdir(this.#dir(sandboxId), { recursive: true, mode: POD_DIR_MODE });
      await writeFile(paths.resolvConf, resolvConf, { mode: FILE_MODE });
      await writeFile(paths.hosts, hosts, { mode: FILE_MODE });
      await writeFile(paths.hostname, `${hostname}\n`, { mode: FILE_MODE });
      if (ipc === 'pod') {
        await mkdir(paths.shm, { recursive: true });
        await this.#mounts.mountTmpfs(paths.shm, {
          sizeBytes: shmSizeBytes ?? SHM_SIZE_BYTES,
          mode: SHM_MODE,
          flags: ['nosuid', 'nodev', 'noexec'],
        });
      }
    } catch (error) {
      throw withContext(error, `write the files of sandbox ${sandboxId}`);
    }
    return paths;
  }

  async writeHosts(sandboxId: SandboxId, hostname: string, ips: readonly string[]): Promise<void> {
    try {
      await writeFile(join(this.#dir(sandboxId), 'hosts'), renderHosts(ips, hostname), { flag: 'r+' });
    } catch (error) {
      throw withContext(error, `write /etc/hosts of sandbox ${sandboxId}`);
    }
  }

  mountsOf(sandboxId: SandboxId, { ipc }: SandboxSpec['namespaces']): PodFileMounts {
    const dir = this.#dir(sandboxId);
    return {
      resolvConf: join(dir, 'resolv.conf'),
      hosts: join(dir, 'hosts'),
      hostname: join(dir, 'hostname'),
      shm: ipc === 'pod' ? join(dir, 'shm') : NODE_SHM,
    };
  }

  async list(): Promise<readonly string[]> {
    const ids = await readdir(this.#root).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return []; // no pod yet, or none since the node was started
      throw withContext(error, "list the pods' files");
    });
    const present = await Promise.all(ids.map((id) => isThere(join(this.#root, id, 'hosts'))));
    return ids.filter((_id, index) => present[index]);
  }

  async remove(sandboxId: SandboxId): Promise<void> {
    const dir = this.#dir(sandboxId);
    try {
      await this.#mounts.unmount(join(dir, 'shm'));
      // Not recursive: should the unmount have missed one, nothing of what is mounted is lost.
      await removeDir(join(dir, 'shm'));
      for (const file of ['resolv.conf', 'hosts', 'hostname']) await rm(join(dir, file), { force: true });
      await removeDir(dir);
    } catch (error) {
      throw withContext(error, `remove the files of sandbox ${sandboxId}`);
    }
  }

  #dir(sandboxId: SandboxId): string {
    return join(this.#root, sandboxId);
  }
}

function renderHosts(ips: readonly string[], hostname: string): string {
  return [...LOCAL_HOSTS, ...ips.map((ip) => `${ip}\t${hostname}`), ''].join('\n');
}

/** Removes an empty folder; one that is in use by others (the pins of the namespaces) stays. */
async function removeDir(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
