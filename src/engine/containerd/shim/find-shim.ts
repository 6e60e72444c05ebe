import { readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ShimAddress } from '../../types/index.ts';

/**
 * The shim of a task, found by the pid of the task's first process: its parent is the shim, which works in the bundle of the
 * pod's first task, and the bundles lie side by side. Undefined where the runtime is not of that kind (the process is not
 * on this node, or its parent is no shim), or the shim speaks something else than ttrpc on a unix socket.
 */
export function findShim(initPid: number, taskId: string, proc = '/proc'): ShimAddress | undefined {
  const parent = parentOf(initPid, proc);
  if (parent === undefined) return undefined;
  const workDir = link(join(proc, String(parent), 'cwd'));
  if (workDir === undefined) return undefined;
  const bundle = join(dirname(workDir), taskId);
  if (read(join(bundle, 'init.pid')) !== String(initPid)) return undefined;
  return bootstrapOf(bundle) ?? parseAddress(read(join(bundle, 'address')), 2);
}

/** What shims of containerd 2.x (and of 1.7, besides the older file) leave in the bundle. */
function bootstrapOf(bundle: string): ShimAddress | undefined {
  try {
    const raw: unknown = JSON.parse(read(join(bundle, 'bootstrap.json')));
    if (typeof raw !== 'object' || raw === null) return undefined;
    const { version, address, protocol } = { version: 0, address: '', protocol: '', ...raw };
    if (protocol !== 'ttrpc' || (version !== 2 && version !== 3)) return undefined;
    return parseAddress(address, version);
  } catch {
    return undefined; // no such file
  }
}

function parseAddress(address: string, version: 2 | 3): ShimAddress | undefined {
  const path = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  return path === undefined ? undefined : { path, version };
}

function parentOf(pid: number, proc: string): number | undefined {
  const stat = read(join(proc, String(pid), 'stat'));
  // The program's name is in parentheses and may hold anything; the state and the parent follow.
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  return stat !== '' && Number.isInteger(parent) && parent > 1 ? parent : undefined;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // it has ended
  }
}
