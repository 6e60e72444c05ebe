import type { ContainerRecord, SandboxRecord } from '../store/index.ts';

/** davit's marks on containerd's objects: what a lost record can be rebuilt from, and what a reconcile may touch. */
export const LABEL_KIND = 'davit.kind';
export const LABEL_SANDBOX = 'davit.sandbox';
const LABEL_POD_NAME = 'davit.pod-name';
const LABEL_POD_NAMESPACE = 'davit.pod-namespace';
const LABEL_POD_UID = 'davit.pod-uid';
const LABEL_NAME = 'davit.name';
const LABEL_ATTEMPT = 'davit.attempt';

/** containerd refuses a label whose key and value together are longer. */
const LABEL_MAX_BYTES = 4096;

export function sandboxLabels(record: SandboxRecord): Record<string, string> {
  return { ...podMarks(record), [LABEL_KIND]: 'sandbox', [LABEL_ATTEMPT]: String(record.spec.metadata.attempt) };
}

/** The request's `io.kubernetes.` labels are carried too: what reads containerd directly looks for them. */
export function containerLabels(record: ContainerRecord, sandbox: SandboxRecord): Record<string, string> {
  const kubernetes = Object.entries(record.spec.labels).filter(
    ([key, value]) =>
      key.startsWith('io.kubernetes.') && Buffer.byteLength(key) + Buffer.byteLength(value) < LABEL_MAX_BYTES,
  );
  return {
    ...Object.fromEntries(kubernetes),
    ...podMarks(sandbox),
    [LABEL_KIND]: 'container',
    [LABEL_NAME]: record.spec.metadata.name,
    [LABEL_ATTEMPT]: String(record.spec.metadata.attempt),
  };
}

function podMarks({ id, spec }: SandboxRecord): Record<string, string> {
  return {
    [LABEL_SANDBOX]: id,
    [LABEL_POD_NAME]: spec.metadata.name,
    [LABEL_POD_NAMESPACE]: spec.metadata.namespace,
    [LABEL_POD_UID]: spec.metadata.uid,
  };
}
