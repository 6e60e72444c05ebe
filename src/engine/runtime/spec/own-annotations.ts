import type { StringMap } from '../../types/index.ts';
import { handedOn } from './annotations.ts';
import type { AnnotationRules } from './annotations.ts';

/** By which containers are asked something of davit itself: davit's name for it, and the one that it has elsewhere. */
export type OwnAnnotation = readonly [own: string, elsewhere: string];

export const UMASK: OwnAnnotation = ['davit.umask', 'io.kubernetes.cri-o.umask'];
export const SECCOMP_PROFILE: OwnAnnotation = ['davit.seccomp-profile', 'seccomp-profile.kubernetes.cri-o.io'];
export const OWN_ANNOTATIONS: readonly OwnAnnotation[] = [UMASK, SECCOMP_PROFILE];

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
 * What such an annotation says for one container: `NAME/CONTAINER` counts before `NAME/POD`, and that before `NAME`. Like
 * those that the runtime sees, it counts only where the handler's lists let it through: not everybody who may write a pod
 * is trusted with it.
 */
export function ownAnnotation(
  names: OwnAnnotation,
  { handler, pod, container, name: containerName }: AnnotatedContainer,
): AnnotationInForce | undefined {
  const seen = handedOn(handler, pod, container);
  const forms = ['/' + containerName, '/POD', ''].flatMap((form) => names.map((name) => name + form));
  for (const annotation of forms) {
    const value = Object.hasOwn(seen, annotation) ? seen[annotation] : undefined;
    if (value !== undefined) return { annotation, value };
  }
  return undefined;
}
