import { posix } from 'node:path';

/** Places that every container has something mounted on, which no volume of an image takes away. */
const TAKEN = ['/proc', '/sys'];
const TAKEN_ITSELF = new Set([
  '/',
  '/dev',
  '/dev/pts',
  '/dev/mqueue',
  '/dev/shm',
  '/etc/hosts',
  '/etc/hostname',
  '/etc/resolv.conf',
]);

/**
 * Where volumes are to be made for an image that declares them: each path once, as a process in the container means it
 * (an image's bytes are hostile: `..` ends at the container's own root). The request's mounts win.
 */
export function declaredPaths(volumes: readonly string[], mounted: readonly string[]): readonly string[] {
  const taken = new Set(mounted.map(clean));
  const paths = new Set(volumes.filter((path) => path !== '' && !path.includes('\0')).map(clean));
  return [...paths].filter(
    (path) =>
      !taken.has(path) &&
      !TAKEN_ITSELF.has(path) &&
      !TAKEN.some((folder) => path === folder || path.startsWith(`${folder}/`)),
  );
}

function clean(path: string): string {
  return posix.normalize(`/${path}`).replace(/(?<=.)\/$/, '');
}
