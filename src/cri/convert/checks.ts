import { invalidField } from '../../engine/index.ts';

/** Kubernetes' longest name is 253 bytes; what the file systems and containerd's labels bear is not much more. */
const MAX_NAME_BYTES = 253;
/** The kernel's PATH_MAX, its final NUL included. */
const MAX_PATH_BYTES = 4095;

// Names go into log lines, file names and other programs' output.
// eslint-disable-next-line no-control-regex
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

export function required<T>(field: string, value: T | null): T {
  if (value === null) throw invalidField(field, 'is required');
  return value;
}

/** Not empty, of a sane length, on one line. */
export function checkName(field: string, value: string): string {
  if (value === '') throw invalidField(field, 'is required');
  if (Buffer.byteLength(value) > MAX_NAME_BYTES) throw invalidField(field, `is longer than ${MAX_NAME_BYTES} bytes`);
  return checkLine(field, value);
}

/** Without control characters, line ends among them. */
export function checkLine(field: string, value: string): string {
  if (CONTROL_CHARACTER.test(value)) throw invalidField(field, 'has a control character in it');
  return value;
}

/** Whatever goes to the kernel ends at its first NUL, so there must be none. */
export function checkNoNul(field: string, value: string): string {
  if (value.includes('\0')) throw invalidField(field, 'has a NUL character in it');
  return value;
}

export function checkAbsolutePath(field: string, value: string): string {
  if (!value.startsWith('/')) throw invalidField(field, `must be an absolute path, got ${quote(value)}`);
  return checkPath(field, value);
}

export function checkPath(field: string, value: string): string {
  if (Buffer.byteLength(value) > MAX_PATH_BYTES) throw invalidField(field, `is longer than ${MAX_PATH_BYTES} bytes`);
  return checkNoNul(field, value);
}

/** True when a segment of the path is `..`. */
export function climbs(path: string): boolean {
  return path.split('/').includes('..');
}

/** A value in an error message: quoted, and cut where it is long. */
export function quote(value: string): string {
  const most = 80;
  return JSON.stringify(value.length > most ? `${value.slice(0, most)}…` : value);
}

/** The id of a request; ids may be prefixes, which the engine resolves. */
export function checkId(field: string, value: string): string {
  if (value === '') throw invalidField(field, 'is required');
  return value;
}
