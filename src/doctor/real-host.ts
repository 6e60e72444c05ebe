import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { readdir, readFile, readlink, stat, statfs } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { findProgram, socketAnswers, systemServiceInstalled } from '../engine/containerd/system-facts.ts';
import { clockIsKept } from './clock-is-kept.ts';
import { containerdVersion } from './containerd-version.ts';
import type { Host, ProgramResult, Space } from './host.ts';

const RUN_TIMEOUT_MS = 5_000;
const OUTPUT_MAX_BYTES = 1024 * 1024;

export function realHost(): Host {
  return {
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    uid: process.geteuid?.(),
    kernel: release(),
    nowMs: Date.now(),
    text: (path) => readFile(path, 'utf8').catch(() => ''),
    list: (path) => readdir(path).catch(() => []),
    links,
    exists,
    space,
    find,
    run,
    answers: socketAnswers,
    containerdVersion,
    clockIsKept,
    containerdIsInstalled: systemServiceInstalled,
  };
}

function find(program: string): string | undefined {
  if (!isAbsolute(program)) return findProgram(program);
  try {
    accessSync(program, constants.X_OK);
    return program;
  } catch {
    return undefined;
  }
}

async function links(path: string): Promise<readonly string[]> {
  const names = await readdir(path).catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(join(path, name)).catch(() => undefined)));
  return targets.filter((target) => target !== undefined);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function space(path: string): Promise<Space | undefined> {
  if (!(await exists(path))) return path === '/' ? undefined : await space(dirname(path));
  const found = await statfs(path).catch(() => undefined);
  if (found === undefined) return undefined;
  return {
    path,
    type: found.type,
    totalBytes: found.blocks * found.bsize,
    freeBytes: found.bavail * found.bsize,
    totalInodes: found.files,
    freeInodes: found.ffree,
  };
}

function run(program: string, args: readonly string[]): Promise<ProgramResult | undefined> {
  const options = { timeout: RUN_TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: OUTPUT_MAX_BYTES } as const;
  return new Promise((resolve) => {
    execFile(program, [...args], options, (failure, output) => {
      if (failure === null) return resolve({ code: 0, output });
      // A program that could not be run, or did not end, has no exit code.
      resolve(typeof failure.code === 'number' ? { code: failure.code, output } : undefined);
    });
  });
}
