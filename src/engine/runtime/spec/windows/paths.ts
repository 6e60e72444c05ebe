import { win32 } from 'node:path';

const PIPE = /^\\\\\.\\pipe\\[^\\/\0]+$/i;
const DRIVE = /^[A-Za-z]:$/;
const ON_A_DRIVE = /^[A-Za-z]:[\\/]/;
const ROOTED = /^[\\/](?![\\/])/;
/** `\\server\share\…`, and `\\?\…` with what Windows itself calls a volume. */
const REMOTE = /^\\\\(?!\.\\)[^\\/\0]+\\[^\\/\0]+/;

/** The drive that a path without one is on, in a container as on a node. */
const SYSTEM_DRIVE = 'C:';

/** `\\.\pipe\name`, which is no file: it must not be looked at, and stays as it is. */
export function isPipe(path: string): boolean {
  return PIPE.test(path);
}

/** A place in a container, cleaned: on a drive, or a whole drive. Undefined for what is none. */
export function containerPath(path: string): string | undefined {
  if (path.includes('\0')) return undefined;
  if (isPipe(path)) return path;
  if (DRIVE.test(path)) return path;
  if (ON_A_DRIVE.test(path)) return clean(path);
  return ROOTED.test(path) ? clean(SYSTEM_DRIVE + path) : undefined;
}

/** A place on the node, cleaned: on a drive, a share, a volume or a pipe. Undefined for what is none. */
export function hostPath(path: string): string | undefined {
  if (path.includes('\0')) return undefined;
  if (isPipe(path)) return path;
  if (DRIVE.test(path)) return `${path}\\`;
  if (ON_A_DRIVE.test(path) || REMOTE.test(path)) return clean(path);
  return ROOTED.test(path) ? clean(SYSTEM_DRIVE + path) : undefined;
}

/** True for the drive that holds a container's own root, and for its root folder. */
export function isSystemRoot(path: string): boolean {
  return /^c:\\?$/i.test(path);
}

/** A trailing separator goes, but for that of a drive's root. */
function clean(path: string): string {
  const normal = win32.normalize(path);
  return /^[A-Za-z]:\\$/.test(normal) ? normal : normal.replace(/(?<=[^\\])\\$/, '');
}
