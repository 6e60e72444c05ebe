import { invalidField } from '../errors.ts';
import { parseQuantity } from '../quantity.ts';
import type { AnnotationRules } from '../runtime/spec/index.ts';
import type { SandboxSpec } from '../types/index.ts';
import { podAnnotation, SHM_SIZE } from './pod-annotation.ts';

/** The kernel counts in pages, and takes none for no limit. */
const LEAST_BYTES = 4096;

/**
 * The size in bytes of the pod's /dev/shm, if its annotation says one: a quantity of Kubernetes' of up to the node's
 * memory. Throws invalid-argument for any other, and where /dev/shm is the node's.
 */
export function shmSizeOf(
  { annotations, namespaces }: Pick<SandboxSpec, 'annotations' | 'namespaces'>,
  handler: Pick<AnnotationRules, 'podAnnotations' | 'defaultAnnotations'>,
  memoryBytes: number,
): number | undefined {
  const asked = podAnnotation(annotations, handler, SHM_SIZE);
  if (asked === undefined) return undefined;
  const { field, value: text } = asked;
  const bytes = Math.ceil(parseQuantity(text.trim()) ?? NaN);
  if (Number.isNaN(bytes)) throw invalidField(field, `must be a size like 128Mi, got ${JSON.stringify(text)}`);
  if (bytes < LEAST_BYTES || bytes > memoryBytes)
    throw invalidField(field, `must be from ${LEAST_BYTES} bytes to the node's memory, ${memoryBytes}, got ${text}`);
  if (namespaces.ipc === 'pod') return bytes;
  if (asked.asked) throw invalidField(field, "the pod has the node's IPC namespace, and its /dev/shm");
  return undefined;
}
