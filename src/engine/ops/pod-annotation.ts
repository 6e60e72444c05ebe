import { letsThrough } from '../runtime/spec/index.ts';
import type { AnnotationRules } from '../runtime/spec/index.ts';
import type { StringMap } from '../types/index.ts';

/** Annotations of pods that davit itself acts on, by the names that they have elsewhere. */
export const SHM_SIZE_ANNOTATION = 'io.kubernetes.cri-o.ShmSize';
export const DEVICES_ANNOTATION = 'io.kubernetes.cri-o.Devices';
const ALL = [SHM_SIZE_ANNOTATION, DEVICES_ANNOTATION];

/** What a pod's annotation says, where its handler lets it through; undefined where it does not, and without one. */
export function podAnnotation(
  annotations: StringMap,
  handler: Pick<AnnotationRules, 'podAnnotations'>,
  name: typeof SHM_SIZE_ANNOTATION | typeof DEVICES_ANNOTATION,
): string | undefined {
  return letsThrough(handler, name) ? annotations[name] : undefined;
}

/** The annotations of these that a pod has and its handler does not let through, so that nothing comes of them. */
export function heldBack(annotations: StringMap, handler: Pick<AnnotationRules, 'podAnnotations'>): readonly string[] {
  return ALL.filter((name) => annotations[name] !== undefined && !letsThrough(handler, name));
}

/** The path of an annotation in a request for a pod. */
export function annotationField(name: string): string {
  return `config.annotations[${JSON.stringify(name)}]`;
}
