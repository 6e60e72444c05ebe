import { randomInt } from 'node:crypto';
import { formatLabel, planRelabel, pickLevel, selinuxLabels } from '../security/index.ts';
import type { RelabelSource, SelinuxLabels } from '../security/index.ts';
import type { SandboxRecord } from '../store/index.ts';
import type { ContainerSecurity, SandboxSpec } from '../types/index.ts';
import type { PodFileMounts } from '../volume/index.ts';
import type { OpsDeps } from './deps.ts';

/** A new pod's level, apart from those of all others; nothing where it is to have no labels. */
export function newPodLevel(
  deps: Pick<OpsDeps, 'host' | 'store' | 'defaults'>,
  { namespaces }: Pick<SandboxSpec, 'namespaces'>,
): Pick<SandboxRecord, 'selinuxLevel'> {
  if (deps.host.selinux === undefined) return {};
  if (namespaces.network === 'node' && !deps.defaults.security.selinuxOnHostNetwork) return {};
  const used = deps.store.sandboxes.all().flatMap(({ selinuxLevel }) => selinuxLevel ?? []);
  return {
    selinuxLevel: pickLevel(new Set(used), deps.defaults.security.selinuxCategoryRange, (below) => randomInt(below)),
  };
}

/** The labels of a container of the pod; absent where SELinux is off, and for a pod that was made without any. */
export function labelsOf(
  deps: Pick<OpsDeps, 'host'>,
  sandbox: Pick<SandboxRecord, 'selinuxLevel' | 'spec'>,
  { selinux, privileged }: Pick<ContainerSecurity, 'selinux' | 'privileged'>,
): { readonly labels?: SelinuxLabels } {
  const { selinuxLevel, spec } = sandbox;
  const contexts = deps.host.selinux;
  if (contexts === undefined || selinuxLevel === undefined) return {};
  const request = { options: selinux, podOptions: spec.security.selinux, podLevel: selinuxLevel, privileged };
  return { labels: selinuxLabels(contexts, request) };
}

/** As labelsOf(), for what is the pod's own: its files, and the process that holds its PID namespace. */
export function podLabelsOf(
  deps: Pick<OpsDeps, 'host'>,
  sandbox: Pick<SandboxRecord, 'selinuxLevel' | 'spec'>,
): ReturnType<typeof labelsOf> {
  return labelsOf(deps, sandbox, { privileged: sandbox.spec.privileged });
}

/** Gives the sources of mounts the label of who mounts them, where they ask for it. Returns what is not done, and why. */
export async function labelMounts(
  deps: Pick<OpsDeps, 'labeller'>,
  mounts: readonly RelabelSource[],
  labels: SelinuxLabels | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (labels === undefined) return [];
  const { paths, notices } = planRelabel(mounts);
  for (const path of paths) await deps.labeller.label(path, labels.mount, signal);
  return notices;
}

/** Gives a pod's files its label; those that it shares with the node keep theirs. */
export async function labelPodFiles(
  deps: Pick<OpsDeps, 'host' | 'labeller'>,
  sandbox: Pick<SandboxRecord, 'selinuxLevel' | 'spec'>,
  files: PodFileMounts,
  signal: AbortSignal,
): Promise<void> {
  const own = Object.values(files).map((source: string) => ({ spec: { selinuxRelabel: true }, source }));
  await labelMounts(deps, own, podLabelsOf(deps, sandbox).labels, signal);
}

/** Every pod's PID 1 is run from one folder: its label is the one that all may read. */
export async function labelPauseRoot(
  deps: Pick<OpsDeps, 'host' | 'labeller' | 'pauseRoot'>,
  signal: AbortSignal,
): Promise<void> {
  const contexts = deps.host.selinux;
  if (contexts === undefined) return;
  await deps.labeller.label(deps.pauseRoot, formatLabel(contexts.sharedFile), signal);
}

/** Mounts of a root with the label that its files are to show. */
export function labelledRoot<Mount extends { readonly options: readonly string[] }>(
  mounts: readonly Mount[],
  label: string | undefined,
): readonly Mount[] {
  if (label === undefined) return mounts;
  // In quotes, because categories are parted by commas, and so are options.
  return mounts.map((mount) => ({ ...mount, options: [...mount.options, `context="${label}"`] }));
}
