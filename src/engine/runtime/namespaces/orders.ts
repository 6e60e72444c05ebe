import { closeSync, constants, mkdirSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withEffectiveUser } from '../../../sys/credentials.ts';
import { bringLoopbackUp } from '../../../sys/loopback.ts';
import { ErrnoError } from '../../../sys/libc.ts';
import { detachMount, mount } from '../../../sys/mount.ts';
import { ownNamespacePath, sethostname } from '../../../sys/namespaces.ts';
import type { Home } from './home.ts';
import { LostError } from './home.ts';
import { mountPart, mountWhole } from './mount-image.ts';
import type { Failure, Order } from './protocol.ts';
import { KINDS } from './protocol.ts';
import type { Sysctl } from './sysctls.ts';

const PIN_DIR_MODE = 0o700;
const PIN_MODE = 0o600;
/** No thread can enter it, so that it is none of KINDS. */
const USER = 'user';
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
  const { dir, kinds, hostname, sysctls, holder } = order;
  // The exclusive mkdir tells "nothing was there", so that undoing takes nothing of another's.
  step('make the folder of the namespaces', () => {
    mkdirSync(dirname(dir), { recursive: true, mode: PIN_DIR_MODE });
    mkdirSync(dir, { mode: PIN_DIR_MODE });
  });
  try {
    const furnish = (): void => {
      if (hostname !== undefined) step('set the host name', () => sethostname(hostname));
      for (const sysctl of sysctls) setSysctl(sysctl, PER_INTERFACE.test(sysctl.path), holder?.owner);
      if (kinds.includes('net')) step('bring lo up', bringLoopbackUp);
      for (const kind of kinds) step(`pin ${kind}`, () => pin(ownNamespacePath(kind), join(dir, kind)));
    };
    if (holder === undefined) {
      step('unshare', () => home.inNew(kinds, furnish));
    } else {
      const held = (kind: string): string => `/proc/${holder.pid}/ns/${kind}`;
      step('pin user', () => pin(held(USER), join(dir, USER)));
      step('enter the namespaces', () => home.inPinned(new Map(kinds.map((kind) => [kind, held(kind)])), furnish));
    }
  } catch (error) {
    destroy(dir);
    throw error;
  }
}

function applySysctls({ dir, sysctls, owner }: Extract<Order, { op: 'sysctls' }>, home: Home): void {
  const kinds = new Set(sysctls.map((sysctl) => sysctl.kind));
  const pins = new Map([...kinds].map((kind) => [kind, join(dir, kind)] as const));
  step('enter the namespaces', () =>
    home.inPinned(pins, () => {
      for (const sysctl of sysctls) setSysctl(sysctl, false, owner);
    }),
  );
}

/** Goes through to the end whatever is there, so that it may be called again and again. */
function destroy(dir: string): void {
  for (const kind of [...KINDS, USER]) {
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

function mountImage(order: Extract<Order, { op: 'image' }>): void {
  const { base, part } = order;
  step('mount the image', () => mountWhole(order));
  if (part !== undefined) step(`find ${part.subPath} in the image`, () => mountPart(base, part));
}

function pin(source: string, path: string): void {
  closeSync(openSync(path, 'wx', PIN_MODE));
  mount({ source, target: path, type: 'none', flags: ['bind'] });
}

/** Settings of an IPC namespace are its owner's alone to change: the node's root counts as a stranger. */
function setSysctl(sysctl: Sysctl, mayBeLater: boolean, owner: number | undefined): void {
  const write = (): void => writeSetting(sysctl);
  try {
    if (owner === undefined || sysctl.kind !== 'ipc') write();
    else withEffectiveUser(owner, write);
  } catch (error) {
    if (mayBeLater && codeOf(error) === 'ENOENT') return;
    throw new OrderError({ ...failureOf(`set sysctl ${sysctl.name}`, error), sysctl: sysctl.name }, error);
  }
}

function writeSetting({ path, value }: Sysctl): void {
  const fd = openSync(`/proc/sys/${path}`, constants.O_WRONLY);
  try {
    writeSync(fd, `${value}\n`);
  } finally {
    closeSync(fd);
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
