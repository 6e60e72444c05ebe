import { closeSync, constants, fstatSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { mountShifted } from '../../../sys/idmapped-mount.ts';
import { detachMount, mount } from '../../../sys/mount.ts';
import { closeOpened, openPlaceInRoot } from '../../../sys/openat2.ts';
import { changeDirectory } from '../../../sys/private-mounts.ts';
import type { ImageMountStep, ImageOrder } from './protocol.ts';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const LOWER = 'lowerdir=';

/**
 * Mounts an image's files on a folder. Undoes nothing: taking every mount off that folder takes all that was made. The
 * calling thread's working directory must be its own.
 */
export function mountWhole({ mounts, base, userNamespace }: ImageOrder): void {
  if (userNamespace === undefined) {
    for (const one of mounts) attach(one, base);
    return;
  }
  const fd = openSync(userNamespace, 'r');
  try {
    for (const one of mounts) attachShifted(one, base, fd);
  } finally {
    closeSync(fd);
  }
}

/** Shows what of the image at `base` a process whose root it were would find at `subPath`. */
export function mountPart(base: string, { subPath, target }: NonNullable<ImageOrder['part']>): void {
  const root = openSync(base, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const fd = openPlaceInRoot(root, subPath);
    try {
      if (fstatSync(fd).isDirectory()) mkdirSync(target, { mode: FOLDER_MODE });
      else closeSync(openSync(target, 'wx', FILE_MODE));
      mount({ source: `/proc/self/fd/${fd}`, target, type: 'none', flags: ['bind'] });
      restrict(target);
    } finally {
      closeOpened(fd);
    }
  } finally {
    closeSync(root);
  }
}

function attach(one: ImageMountStep, target: string): void {
  if (one.kind === 'bind') mount({ source: one.source, target, type: 'none', flags: ['bind'] });
  else inFolder(one.from, () => mount({ ...one, target, flags: ['readonly'] }));
  restrict(target);
}

/**
 * An overlay cannot be shifted, but its layers can. They are mounted on folders of a tmpfs that the overlay then covers,
 * so that whatever happens they go with the folder's mounts.
 */
function attachShifted(one: ImageMountStep, target: string, userNamespaceFd: number): void {
  if (one.kind === 'bind') return mountShifted(one.source, target, userNamespaceFd);
  if (one.type !== 'overlay') throw new Error(`a root of type ${one.type} cannot be shifted`);
  const options = one.data.split(',');
  const lower = options.find((option) => option.startsWith(LOWER)) ?? LOWER;
  const layers = lower
    .slice(LOWER.length)
    .split(/(?<!\\):/)
    .map((name) => join(one.from, name.replaceAll(/\\(.)/g, '$1')));
  mount({ source: 'tmpfs', target, type: 'tmpfs', flags: ['nosuid', 'nodev', 'noexec'], data: 'size=64k,mode=700' });
  inFolder(target, () => {
    const names = layers.map((_layer, index) => String(index));
    for (const [index, layer] of layers.entries()) {
      mkdirSync(join(target, String(index)), { mode: FOLDER_MODE });
      mountShifted(layer, String(index), userNamespaceFd);
    }
    const data = [`${LOWER}${names.join(':')}`, ...options.filter((option) => option !== lower)].join(',');
    mount({ source: one.source, target, type: one.type, flags: ['readonly'], data });
    // The overlay has its own hold on them.
    for (const name of names) detachMount(name);
  });
  restrict(target);
}

function inFolder(folder: string, work: () => void): void {
  changeDirectory(folder);
  try {
    work();
  } finally {
    changeDirectory('/');
  }
}

function restrict(target: string): void {
  mount({ source: 'none', target, type: 'none', flags: ['remount', 'bind', 'readonly', 'nosuid', 'nodev'] });
}
