import { execFile } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Side } from './side.ts';

/** What figures must be read with. */
export interface Environment {
  readonly date: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** Of the last minute, before anything was measured: beyond the number of processors, others disturb the figures. */
  readonly load: number;
  readonly node: string;
  readonly davit: string;
  readonly peer: string;
  readonly containerd: string;
  readonly runc: string;
  readonly cgroups: string;
}

const MIB = 1024 * 1024;
const CGROUP_V2 = 'cgroup2fs';

/** Asks the machine, the programs in PATH, and both sides. */
export async function environment(davit: Side, peer: Side): Promise<Environment> {
  const cgroups = await output('stat', ['-f', '-c', '%T', '/sys/fs/cgroup']);
  return {
    date: new Date().toISOString(),
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    memoryMiB: Math.round(totalmem() / MIB),
    load: loadavg()[0] ?? 0,
    node: process.versions.node,
    davit: await version(davit),
    peer: await version(peer),
    containerd: (await output('containerd', ['--version'])).split(' ')[2] ?? 'unknown',
    runc: ((await output('runc', ['--version'])).split('\n')[0] ?? '').replace(/^runc version /, ''),
    cgroups: cgroups === CGROUP_V2 ? 'v2' : 'v1 or hybrid',
  };
}

async function version(side: Side): Promise<string> {
  const { runtimeName, runtimeVersion } = await side.client.call<{ runtimeName: string; runtimeVersion: string }>(
    'Version',
    {},
  );
  return `${runtimeName} ${runtimeVersion}`;
}

async function output(file: string, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(file, [...args])).stdout.trim();
}
