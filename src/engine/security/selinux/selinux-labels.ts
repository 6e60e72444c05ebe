import type { SelinuxOptions } from '../../types/index.ts';
import type { SelinuxContexts } from './contexts.ts';
import { formatLabel } from './label.ts';

export interface LabelRequest {
  /** The container's own; absent: the pod's. */
  readonly options: SelinuxOptions | undefined;
  readonly podOptions: SelinuxOptions | undefined;
  /** What keeps the pod's files from those of other pods; see pickLevel(). */
  readonly podLevel: string;
  readonly privileged: boolean;
}

export interface SelinuxLabels {
  /** Absent for a privileged process: it has whatever its runtime has. */
  readonly process?: string;
  /** Of the files that the container's root and its volumes hold. */
  readonly mount: string;
}

/**
 * The labels of a container, or of a pod's own process: what is asked for, and what the policy has for the rest. A user
 * and a level count for files as well; role and type of files are the policy's. Pure.
 */
export function selinuxLabels(contexts: SelinuxContexts, request: LabelRequest): SelinuxLabels {
  const { podOptions, podLevel, privileged } = request;
  const options = request.options ?? podOptions ?? {};
  const user = options.user === undefined ? {} : { user: options.user };
  const level = contexts.process.level === undefined ? {} : { level: options.level ?? podOptions?.level ?? podLevel };
  const mount = formatLabel({ ...contexts.file, ...user, ...level });
  return privileged ? { mount } : { process: formatLabel({ ...contexts.process, ...options, ...level }), mount };
}
