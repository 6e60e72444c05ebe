import type { ContainerId, SandboxId } from '../ids.ts';
import type { MountSpec, SandboxSpec } from '../types/index.ts';
import type { ContainerVolumes, DeclaredVolume, FolderOrder } from './container-volumes.ts';
import type { MountSources, ResolvedMount } from './mount-source.ts';
import type { PodFileMounts, PodFiles, PodFilesRequest } from './pod-files.ts';

/** Pod files in memory. */
export class FakePodFiles implements PodFiles {
  readonly created = new Map<SandboxId, PodFilesRequest>();
  readonly hosts = new Map<SandboxId, readonly string[]>();
  failNextCreate: Error | undefined;

  async create(sandboxId: SandboxId, request: PodFilesRequest): Promise<PodFileMounts> {
    const error = this.failNextCreate;
    this.failNextCreate = undefined;
    if (error !== undefined) throw error;
    this.created.set(sandboxId, request);
    return this.mountsOf(sandboxId, request.spec.namespaces);
  }

  async writeHosts(sandboxId: SandboxId, _hostname: string, ips: readonly string[]): Promise<void> {
    this.hosts.set(sandboxId, ips);
  }

  mountsOf(sandboxId: SandboxId, { ipc }: SandboxSpec['namespaces']): PodFileMounts {
    const dir = `/fake/sandboxes/${sandboxId}`;
    return {
      resolvConf: `${dir}/resolv.conf`,
      hosts: `${dir}/hosts`,
      hostname: `${dir}/hostname`,
      shm: ipc === 'pod' ? `${dir}/shm` : '/dev/shm',
    };
  }

  async list(): Promise<readonly string[]> {
    return [...this.created.keys()];
  }

  async remove(sandboxId: SandboxId): Promise<void> {
    this.created.delete(sandboxId);
    this.hosts.delete(sandboxId);
  }
}

/** Every source is what it says. */
export class FakeMountSources implements MountSources {
  async resolve(mounts: readonly MountSpec[]): Promise<readonly ResolvedMount[]> {
    return mounts.map((spec) => ({ spec, source: spec.hostPath }));
  }

  async demandAnswer(): Promise<void> {}
}

/** Volumes in memory. */
export class FakeContainerVolumes implements ContainerVolumes {
  /** By container. */
  readonly made = new Map<ContainerId, string[]>();
  readonly folders: string[] = [];
  failNextMount: Error | undefined;

  async declare(id: ContainerId, _root: unknown, paths: readonly string[]): Promise<readonly DeclaredVolume[]> {
    this.#add(id, paths);
    return paths.map((containerPath) => ({ containerPath, source: `/fake/volumes/${id}${containerPath}` }));
  }

  async makeFolders(_root: unknown, { paths }: FolderOrder): Promise<void> {
    this.folders.push(...paths);
  }

  async mountImage(id: ContainerId, index: number): Promise<string> {
    const error = this.failNextMount;
    this.failNextMount = undefined;
    if (error !== undefined) throw error;
    this.#add(id, [`image ${index}`]);
    return `/fake/images/${id}/${index}`;
  }

  async remove(id: ContainerId): Promise<void> {
    this.made.delete(id);
  }

  #add(id: ContainerId, names: readonly string[]): void {
    if (names.length > 0) this.made.set(id, [...(this.made.get(id) ?? []), ...names]);
  }
}
