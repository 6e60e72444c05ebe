import { parseWildcard } from '../../../wildcard.ts';
import type { HandlerConfig } from '../../engine-config.ts';
import type { LinuxResources, SandboxMetadata, StringMap } from '../../types/index.ts';

/** The part of a handler that decides which annotations its runtime sees. */
export type AnnotationRules = Pick<HandlerConfig, 'defaultAnnotations' | 'podAnnotations' | 'containerAnnotations'>;

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
  };
}

/** For the shim of runc, and for nobody else. */
export function shimGroup(pod: Pick<SpecPod, 'id'>): StringMap {
  return { [SHIM_GROUP]: pod.id };
}

/** What a virtual machine is made large enough for: what the containers of the pod may take together. */
export function podSizeAnnotations(resources: LinuxResources | undefined): StringMap {
  const limits = {
    'cpu-period': resources?.cpuPeriodUs,
    'cpu-quota': resources?.cpuQuotaUs,
    'cpu-shares': resources?.cpuShares,
    memory: resources?.memoryLimitBytes,
  };
  const given = Object.entries(limits).filter(([, limit]) => limit !== undefined);
  return Object.fromEntries(given.map(([name, limit]) => [`${CRI}.sandbox-${name}`, String(limit)]));
}

export function containerAnnotations(pod: Pick<SpecPod, 'id' | 'metadata'>, name: string, image: string): StringMap {
  return { ...podAnnotations(pod, 'container'), [`${CRI}.container-name`]: name, [`${CRI}.image-name`]: image };
}

/**
 * What the handler hands on to the runtime, which may act on it: its own defaults, then what it lets through of the pod's
 * annotations, then of the container's; the later counts. Nothing passes that is not listed.
 */
export function handedOn(handler: AnnotationRules, pod: StringMap, container: StringMap): StringMap {
  return {
    ...handler.defaultAnnotations,
    ...allowedAnnotations(pod, handler.podAnnotations),
    ...allowedAnnotations(container, handler.containerAnnotations),
  };
}

/** Whether a handler lets a pod's annotation through, to its runtime and to what davit itself makes of it. */
export function letsThrough({ podAnnotations }: Pick<AnnotationRules, 'podAnnotations'>, name: string): boolean {
  return podAnnotations.some((pattern) => parseWildcard(pattern)?.matches(name) === true);
}

function allowedAnnotations(annotations: StringMap, patterns: readonly string[]): StringMap {
  const parsed = patterns.map((pattern) => parseWildcard(pattern));
  return Object.fromEntries(
    Object.entries(annotations).filter(([name]) => parsed.some((pattern) => pattern?.matches(name) === true)),
  );
}
