import { closeSync, constants, fstatSync, mkdirSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bringLoopbackUp } from '../../../sys/loopback.ts';
import { ErrnoError } from '../../../sys/libc.ts';
import { detachMount, mount } from '../../../sys/mount.ts';
import type { NamespaceKind } from '../../../sys/namespaces.ts';
import { ownNamespacePath, sethostname } from '../../../sys/namespaces.ts';
import { closeOpened, openPlaceInRoot } from '../../../sys/openat2.ts';
import { changeDirectory } from '../../../sys/private-mounts.ts';
import type { Home } from './home.ts';
import { LostError } from './home.ts';
import type { Failure, ImageMountStep, ImageOrder, Order } from './protocol.ts';
import { KINDS } from './protocol.ts';
import type { Sysctl } from './sysctls.ts';

const PIN_DIR_MODE = 0o700;
const PIN_MODE = 0o600;
/** Settings of an interface exist with the interface: the network plugins may make it later. */
const PER_INTERFACE = /^net\/ipv[46]\/(?:conf|neigh)\//;

/** A step of an order that failed; what the step did is undone. */
export class OrderError extends Error {
  override readonly name = 'OrderError';
  readonly failure: Failure;

  constructor(failure: Failure, cause: unknown) {
    super(`${failure.step}: ${failure.message}`, { cause });
    this.failure = failure;
  }
}

/** Carries out one order on the calling thread, synchronously. Throws OrderError, or LostError when the thread must end. */
export function carryOut(order: Order, home: Home): void {
  switch (order.op) {
    case 'create':
      return create(order, home);
    case 'sysctls':
      return applySysctls(order, home);
    case 'destroy':
      return destroy(order.dir);
    case 'tmpfs':
      return mountTmpfs(order);
    case 'bind':
      return step('bind', () =>
        mount({ source: order.source, target: order.target, type: 'none', flags: ['bind', 'rec'] }),
      );
    case 'image':
      return mountImage(order);
    case 'unmount':
      return step('unmount', () => detachAll(order.target));
  }
}

function create(order: Extract<Order, { op: 'create' }>, home: Home): void {
  const { dir, kinds, hostname, sysctls } = order;
  // The exclusive mkdir tells "nothing was there", so that undoing takes nothing of another's.
  step('make the folder of the namespaces', () => {
    mkdirSync(dirname(dir), { recursive: true, mode: PIN_DIR_MODE });
    mkdirSync(dir, { mode: PIN_DIR_MODE });
  });
  try {
    step('unshare', () =>
      home.inNew(kinds, () => {
        if (hostname !== undefined) step('set the host name', () => sethostname(hostname));
        for (const sysctl of sysctls) setSysctl(sysctl, PER_INTERFACE.test(sysctl.path));
        if (kinds.includes('net')) step('bring lo up', bringLoopbackUp);
        for (const kind of kinds) step(`pin ${kind}`, () => pin(kind, join(dir, kind)));
      }),
    );
  } catch (error) {
    destroy(dir);
    throw error;
  }
}

function applySysctls({ dir, sysctls }: Extract<Order, { op: 'sysctls' }>, home: Home): void {
  const kinds = new Set(sysctls.map((sysctl) => sysctl.kind));
  const pins = new Map([...kinds].map((kind) => [kind, join(dir, kind)] as const));
  step('enter the namespaces', () =>
    home.inPinned(pins, () => {
      for (const sysctl of sysctls) setSysctl(sysctl, false);
    }),
  );
}

/** Goes through to the end whatever is there, so that it may be called again and again. */
function destroy(dir: string): void {
  for (const kind of KINDS) {
    const path = join(dir, kind);
    step(`unpin ${kind}`, () => {
      detachAll(path);
      rmSync(path, { force: true });
    });
  }
  step('remove the folder of the namespaces', () => {
    removeDir(dir);
    removeDir(dirname(dir));
  });
}

function mountTmpfs({ target, options }: Extract<Order, { op: 'tmpfs' }>): void {
  const data = `size=${options.sizeBytes},mode=${options.mode.toString(8)}`;
  step('mount tmpfs', () => mount({ source: 'tmpfs', target, type: 'tmpfs', flags: options.flags, data }));
}

/** Undoes nothing: `unmount` takes what is there. */
function mountImage({ mounts, base, part }: Extract<Order, { op: 'image' }>): void {
  step('mount the image', () => {
    for (const one of mounts) attach(one, base);
  });
  if (part === undefined) return;
  step(`find ${part.subPath} in the image`, () => {
    const root = openSync(base, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      bindPart(root, part);
    } finally {
      closeSync(root);
    }
  });
}

function attach(one: ImageMountStep, target: string): void {
  if (one.kind === 'bind') {
    mount({ source: one.source, target, type: 'none', flags: ['bind'] });
  } else {
    // The thread's working directory is its own: see worker.ts.
    changeDirectory(one.from);
    try {
      mount({ source: one.source, target, type: one.type, flags: ['readonly'], data: one.data });
    } finally {
      changeDirectory('/');
    }
  }
  restrict(target);
}

function bindPart(root: number, { subPath, target }: NonNullable<ImageOrder['part']>): void {
  const fd = openPlaceInRoot(root, subPath);
  try {
    if (fstatSync(fd).isDirectory()) mkdirSync(target, { mode: PIN_DIR_MODE });
    else closeSync(openSync(target, 'wx', PIN_MODE));
    mount({ source: `/proc/self/fd/${fd}`, target, type: 'none', flags: ['bind'] });
    restrict(target);
  } finally {
    closeOpened(fd);
  }
}

function restrict(target: string): void {
  mount({ source: 'none', target, type: 'none', flags: ['remount', 'bind', 'readonly', 'nosuid', 'nodev'] });
}

function pin(kind: NamespaceKind, path: string): void {
  closeSync(openSync(path, 'wx', PIN_MODE));
  mount({ source: ownNamespacePath(kind), target: path, type: 'none', flags: ['bind'] });
}

function setSysctl(sysctl: Sysctl, mayBeLater: boolean): void {
  try {
    const fd = openSync(`/proc/sys/${sysctl.path}`, constants.O_WRONLY);
    try {
      writeSync(fd, `${sysctl.value}\n`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (mayBeLater && codeOf(error) === 'ENOENT') return;
    throw new OrderError({ ...failureOf(`set sysctl ${sysctl.name}`, error), sysctl: sysctl.name }, error);
  }
}

/** Takes every mount off `target`; EINVAL says that there is none (left). */
function detachAll(target: string): void {
  for (;;) {
    try {
      detachMount(target);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EINVAL' || code === 'ENOENT') return;
      throw error;
    }
  }
}

function removeDir(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}

/** Names the step of what fails in it; the innermost name stays. */
function step<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof OrderError || error instanceof LostError) throw error;
    throw new OrderError(failureOf(name, error), error);
  }
}

function failureOf(step: string, error: unknown): Failure {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return { step, message, ...(code === undefined ? {} : { code }) };
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof ErrnoError) return error.code;
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
