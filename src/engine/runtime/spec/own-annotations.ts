import type { StringMap } from '../../types/index.ts';
import { handedOn } from './annotations.ts';
import type { AnnotationRules } from './annotations.ts';

/** Annotations by which a pod or a container asks davit itself for something. */
export type OwnAnnotation = 'davit.umask' | 'davit.seccomp-profile';

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
 * What an annotation of davit's own says for one container: `NAME/CONTAINER` counts before `NAME`. Like those that the
 * runtime sees, it counts only where the handler's lists let it through: who may write a pod may not all be trusted with it.
 */
export function ownAnnotation(
  name: OwnAnnotation,
  { handler, pod, container, name: containerName }: AnnotatedContainer,
): AnnotationInForce | undefined {
  const seen = handedOn(handler, pod, container);
  for (const annotation of [`${name}/${containerName}`, name]) {
    const value = Object.hasOwn(seen, annotation) ? seen[annotation] : undefined;
    if (value !== undefined) return { annotation, value };
  }
  return undefined;
}
