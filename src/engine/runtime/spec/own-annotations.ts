import type { StringMap } from '../../types/index.ts';
import { handedOn } from './annotations.ts';
import type { AnnotationRules } from './annotations.ts';

/** Annotations by which a pod or a container asks davit itself for something, by the names that they have elsewhere. */
export type OwnAnnotation = 'io.kubernetes.cri-o.umask' | 'seccomp-profile.kubernetes.cri-o.io';

export interface AnnotatedContainer {
  readonly handler: AnnotationRules;
  /** The pod's annotations, and the container's. */
  readonly pod: StringMap;
  readonly container: StringMap;
  /** The container's name. */
  readonly name: string;
}

/** `annotation` is the one that counts, as it was written, for messages. */
export interface AnnotationInForce {
  readonly annotation: string;
  readonly value: string;
}

/**
 * What such an annotation says for one container: `NAME/CONTAINER` counts before `NAME/POD`, and that before `NAME`. Like those that the
 * runtime sees, it counts only where the handler's lists let it through: who may write a pod may not all be trusted with it.
 */
export function ownAnnotation(
  name: OwnAnnotation,
  { handler, pod, container, name: containerName }: AnnotatedContainer,
): AnnotationInForce | undefined {
  const seen = handedOn(handler, pod, container);
  for (const annotation of [`${name}/${containerName}`, `${name}/POD`, name]) {
    const value = Object.hasOwn(seen, annotation) ? seen[annotation] : undefined;
    if (value !== undefined) return { annotation, value };
  }
  return undefined;
}
