import { invalidField } from '../../engine/index.ts';
import type { StringMap } from '../../engine/index.ts';
import { checkLine, quote } from './checks.ts';

/** Kubernetes allows a prefix of 253, a slash and 63. */
const MAX_KEY_BYTES = 317;
/** A selector compares values and tools print them; the kubelet's are far below. */
const MAX_LABEL_VALUE_BYTES = 4096;
/** Kubernetes allows a pod 256 KiB; the kubelet adds some of its own to a container's. */
const MAX_ANNOTATIONS_BYTES = 1024 * 1024;

export function toLabels(field: string, map: StringMap): StringMap {
  for (const [key, value] of Object.entries(map)) {
    checkKey(field, key);
    if (Buffer.byteLength(value) > MAX_LABEL_VALUE_BYTES) {
      throw invalidField(entry(field, key), `is longer than ${MAX_LABEL_VALUE_BYTES} bytes`);
    }
    checkLine(entry(field, key), value);
  }
  return copy(map);
}

/** Values may be anything, e.g. whole documents: they are kept and given back as they are. */
export function toAnnotations(field: string, map: StringMap): StringMap {
  let bytes = 0;
  for (const [key, value] of Object.entries(map)) {
    checkKey(field, key);
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_ANNOTATIONS_BYTES) throw invalidField(field, `is larger than ${MAX_ANNOTATIONS_BYTES} bytes`);
  return copy(map);
}

const SYSCTL_NAME = /^[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*$/;

/** The syntax alone; which sysctls a pod may set depends on its namespaces, and that the engine knows. */
export function toSysctls(field: string, map: StringMap): StringMap {
  for (const [name, value] of Object.entries(map)) {
    if (!SYSCTL_NAME.test(name)) throw invalidField(entry(field, name), 'is not the name of a sysctl');
    checkLine(entry(field, name), value);
    // Other programs take lists such as name=value+name=value: neither sign is part of any sysctl.
    if (/[+=]/.test(value)) throw invalidField(entry(field, name), `must not hold + or =, got ${quote(value)}`);
  }
  return copy(map);
}

/** `field["key"]`, as errors name an entry of a map. */
export function entry(field: string, key: string): string {
  return `${field}[${quote(key)}]`;
}

/**
 * A copy with the usual prototype, in which a key named `__proto__` is a key. In the order of the keys: clients send a map
 * in another order each time, and a request that is sent again must be known for the same.
 */
export function copy(map: StringMap): StringMap {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function checkKey(field: string, key: string): void {
  if (key === '') throw invalidField(field, 'has an empty key');
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw invalidField(entry(field, key), `has a key longer than ${MAX_KEY_BYTES} bytes`);
  }
  checkLine(entry(field, key), key);
}
