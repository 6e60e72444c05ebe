import { letsThrough, OWN_ANNOTATIONS } from '../runtime/spec/index.ts';
import type { AnnotationRules } from '../runtime/spec/index.ts';
import type { StringMap } from '../types/index.ts';

/** An annotation of pods that davit itself carries out: davit's name for it, and the one that it has elsewhere. */
type PodAnnotation = readonly [own: string, elsewhere: string];

export const SHM_SIZE: PodAnnotation = ['davit.shm-size', 'io.kubernetes.cri-o.ShmSize'];
export const DEVICES: PodAnnotation = ['davit.devices', 'io.kubernetes.cri-o.Devices'];

/** What an annotation says, and where a message is to point. */
export interface AnnotationInForce {
  readonly field: string;
  readonly value: string;
  /** By the pod, and not the handler's own. */
  readonly asked: boolean;
}

type Rules = Pick<AnnotationRules, 'podAnnotations' | 'defaultAnnotations'>;

/** What counts of an annotation: the pod's where its handler lets it through, else the handler's own. */
export function podAnnotation(
  annotations: StringMap,
  handler: Rules,
  names: PodAnnotation,
): AnnotationInForce | undefined {
  const asked = names.find((name) => annotations[name] !== undefined && letsThrough(handler, name));
  if (asked !== undefined) return { ...inForce('config.annotations', annotations, asked), asked: true };
  const preset = names.find((name) => handler.defaultAnnotations[name] !== undefined);
  if (preset === undefined) return undefined;
  return { ...inForce('default_annotations', handler.defaultAnnotations, preset), asked: false };
}

/** The annotations of these that a pod has and its handler does not let through, so that nothing comes of them. */
export function heldBack(annotations: StringMap, handler: Rules): readonly string[] {
  const known = [...SHM_SIZE, ...DEVICES, ...OWN_ANNOTATIONS.flat()];
  return Object.keys(annotations).filter((name) => {
    // Some are for one container: its name stands behind a slash.
    const isKnown = known.some((one) => name === one || name.startsWith(`${one}/`));
    return isKnown && !letsThrough(handler, name);
  });
}

function inForce(where: string, annotations: StringMap, name: string): Pick<AnnotationInForce, 'field' | 'value'> {
  return { field: `${where}[${JSON.stringify(name)}]`, value: annotations[name] ?? '' };
}
