import { parseSandboxId } from '../ids.ts';
import type { SandboxId } from '../ids.ts';
import type { ContainerRecord, SandboxRecord } from '../store/index.ts';
import type { ContainerMetadata, SandboxMetadata, StringMap } from '../types/index.ts';

/** davit's marks on containerd's objects: what a lost record can be rebuilt from, and what a reconcile may touch. */
export const LABEL_KIND = 'davit.kind';
export const LABEL_SANDBOX = 'davit.sandbox';
const LABEL_POD_NAME = 'davit.pod-name';
const LABEL_POD_NAMESPACE = 'davit.pod-namespace';
const LABEL_POD_UID = 'davit.pod-uid';
const LABEL_POD_ATTEMPT = 'davit.pod-attempt';
const LABEL_NAME = 'davit.name';
const LABEL_ATTEMPT = 'davit.attempt';

/** What davit's marks on an object of containerd say. */
export interface ObjectMarks {
  readonly sandboxId: SandboxId;
  readonly pod: SandboxMetadata;
  /** Absent: it is a pause process. */
  readonly container?: ContainerMetadata;
}

/** containerd refuses a label whose key and value together are longer. */
const LABEL_MAX_BYTES = 4096;

/** Of a pause process. cAdvisor reads a pod's network of the container that carries containerd's mark of a sandbox. */
export function sandboxLabels(record: SandboxRecord): Record<string, string> {
  const { labels, metadata, namespaces } = record.spec;
  return {
    ...kubernetesLabels(labels),
    ...(namespaces.network === 'pod' ? { 'io.cri-containerd.kind': 'sandbox' } : {}),
    ...podMarks(record),
    [LABEL_KIND]: 'sandbox',
    [LABEL_ATTEMPT]: String(metadata.attempt),
  };
}

/** The request's `io.kubernetes.` labels are carried too: what reads containerd directly looks for them. */
export function containerLabels(record: ContainerRecord, sandbox: SandboxRecord): Record<string, string> {
  return {
    ...kubernetesLabels(record.spec.labels),
    ...podMarks(sandbox),
    [LABEL_KIND]: 'container',
    [LABEL_NAME]: record.spec.metadata.name,
    [LABEL_ATTEMPT]: String(record.spec.metadata.attempt),
  };
}

/** Undefined where the marks are not davit's, or not whole. */
export function readMarks(labels: StringMap): ObjectMarks | undefined {
  const kind = labels[LABEL_KIND];
  const [uid, name] = [labels[LABEL_POD_UID], labels[LABEL_POD_NAME]];
  if ((kind !== 'container' && kind !== 'sandbox') || uid === undefined || name === undefined) return undefined;
  const attempt = Number(labels[LABEL_ATTEMPT] ?? 0);
  // An older davit told a pod's attempt on its pause process alone.
  const podAttempt = kind === 'sandbox' ? attempt : Number(labels[LABEL_POD_ATTEMPT] ?? 0);
  return {
    sandboxId: parseSandboxId(labels[LABEL_SANDBOX] ?? '', LABEL_SANDBOX),
    pod: { name, uid, namespace: labels[LABEL_POD_NAMESPACE] ?? '', attempt: podAttempt },
    ...(kind === 'container' ? { container: { name: labels[LABEL_NAME] ?? '', attempt } } : {}),
  };
}

function kubernetesLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const carried = Object.entries(labels).filter(
    ([key, value]) =>
      key.startsWith('io.kubernetes.') && Buffer.byteLength(key) + Buffer.byteLength(value) < LABEL_MAX_BYTES,
  );
  return Object.fromEntries(carried);
}

function podMarks({ id, spec }: SandboxRecord): Record<string, string> {
  return {
    [LABEL_SANDBOX]: id,
    [LABEL_POD_NAME]: spec.metadata.name,
    [LABEL_POD_NAMESPACE]: spec.metadata.namespace,
    [LABEL_POD_UID]: spec.metadata.uid,
    [LABEL_POD_ATTEMPT]: String(spec.metadata.attempt),
  };
}
