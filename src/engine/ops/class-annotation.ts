import type { StringMap } from '../types/index.ts';

/** What classes there are: of disk I/O, and of caches and memory bandwidth. */
export type ClassKind = 'blockio' | 'rdt';

/** The class that a container is to have, and the annotation that says so. */
export interface AskedClass {
  readonly annotation: string;
  readonly name: string;
}

export interface ClassSubject {
  readonly containerName: string;
  readonly container: StringMap;
  readonly pod: StringMap;
}

/** The container's own annotation, else the pod's for this container, else the pod's for all. An empty one asks for nothing. */
export function classAsked(kind: ClassKind, { containerName, container, pod }: ClassSubject): AskedClass | undefined {
  const prefix = `${kind}.resources.beta.kubernetes.io`;
  const places: readonly (readonly [StringMap, string])[] = [
    [container, `io.kubernetes.cri.${kind}-class`],
    [pod, `${prefix}/container.${containerName}`],
    [pod, `${prefix}/pod`],
  ];
  const place = places.find(([annotations, annotation]) => annotations[annotation] !== undefined);
  const [annotations = {}, annotation = ''] = place ?? [];
  const name = annotations[annotation] ?? '';
  return name === '' ? undefined : { annotation, name };
}
