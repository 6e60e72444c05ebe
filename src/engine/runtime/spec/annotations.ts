import type { SandboxMetadata, StringMap } from '../../types.ts';

export interface SpecPod {
  readonly id: string;
  readonly metadata: SandboxMetadata;
  readonly annotations: StringMap;
}

/** Tells the runc shim which containers to serve from one process. */
const SHIM_GROUP = 'io.containerd.runc.v2.group';
const CRI = 'io.kubernetes.cri';

/** What shims, OCI runtimes and hooks read to know which pod they work for. */
export function podAnnotations(pod: Pick<SpecPod, 'id' | 'metadata'>, type: 'container' | 'sandbox'): StringMap {
  return {
    [`${CRI}.container-type`]: type,
    [`${CRI}.sandbox-id`]: pod.id,
    [`${CRI}.sandbox-name`]: pod.metadata.name,
    [`${CRI}.sandbox-namespace`]: pod.metadata.namespace,
    [`${CRI}.sandbox-uid`]: pod.metadata.uid,
    [SHIM_GROUP]: pod.id,
  };
}

export function containerAnnotations(pod: Pick<SpecPod, 'id' | 'metadata'>, name: string, image: string): StringMap {
  return { ...podAnnotations(pod, 'container'), [`${CRI}.container-name`]: name, [`${CRI}.image-name`]: image };
}

/**
 * Annotations of a pod or a container that a handler lets through to the runtime, which may act on them: nothing passes
 * that is not listed. A pattern is a whole name, or with `*` at its end the beginning of one.
 */
export function allowedAnnotations(annotations: StringMap, patterns: readonly string[]): StringMap {
  return Object.fromEntries(
    Object.entries(annotations).filter(([name]) => patterns.some((pattern) => matches(name, pattern))),
  );
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
