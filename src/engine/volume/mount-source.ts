import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { mountOf, parseMountinfo } from '../../sys/mountinfo.ts';
import type { MountEntry } from '../../sys/mountinfo.ts';
import { EngineError, invalidField } from '../errors.ts';
import type { MountSpec } from '../types/index.ts';
import { probePaths } from './path-probe.ts';
import { checkPropagation } from './propagation.ts';

/** How long the sources of one container's mounts may take to answer. */
const SOURCES_TIMEOUT_MS = 10_000;
/** How long one source may take when they are asked one by one, to learn which of them did not answer. */
const ONE_SOURCE_TIMEOUT_MS = 2_000;
/** How old the table of mounts may be that tells whether a path can hang. */
const MOUNT_TABLE_MS = 5_000;
/** File systems of the machine itself; those of a network, and FUSE's, can hang. */
const NEVER_HANG = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'zfs',
  'f2fs',
  'bcachefs',
  'tmpfs',
  'ramfs',
  'overlay',
]);

export interface MountSourcesDeps {
  readonly sourcesTimeoutMs?: number;
  readonly oneSourceTimeoutMs?: number;
  /** Stands in for `realpath`, for tests. */
  readonly program?: string;
}

export interface ResolvedMount {
  readonly spec: MountSpec;
  /** The host path with every symlink resolved. */
  readonly source: string;
}

export interface MountSources {
  /**
   * Resolves the host paths of a request's mounts, in order; a mount of an image keeps its ''. Throws invalid-argument naming `config.mounts[i].host_path`
   * for one that is relative or missing, deadline-exceeded naming it when it does not answer, failed-precondition when
   * its propagation cannot be had. A path that hangs holds up this call alone.
   */
  resolve(mounts: readonly MountSpec[], signal: AbortSignal): Promise<readonly ResolvedMount[]>;
  /**
   * For a folder that somebody who must never hang will open files in. Throws deadline-exceeded, naming `what` and the path,
   * when it is on a file system that can hang (a network's, FUSE's) and does not answer. It need not exist.
   */
  demandAnswer(what: string, path: string, signal: AbortSignal): Promise<void>;
}

export function createMountSources(deps: MountSourcesDeps = {}): MountSources {
  return new Sources(deps);
}

class Sources implements MountSources {
  readonly #deps: MountSourcesDeps;
  /** Paths that a process of ours still hangs on: asking again would only add another. */
  readonly #stuck = new Set<string>();
  #table: { readonly entries: readonly MountEntry[]; readonly readAtMs: number } | undefined;

  constructor(deps: MountSourcesDeps) {
    this.#deps = deps;
  }

  async resolve(mounts: readonly MountSpec[], signal: AbortSignal): Promise<readonly ResolvedMount[]> {
    const asked = mounts.flatMap(({ hostPath, image }, index) => (image === undefined ? [{ hostPath, index }] : []));
    asked.forEach(({ hostPath, index }) => {
      if (!isAbsolute(hostPath))
        throw invalidField(fieldOf(index), `not an absolute path: ${JSON.stringify(hostPath)}`);
      if (hostPath.includes('\0')) throw invalidField(fieldOf(index), 'has a NUL in it');
      if (this.#stuck.has(hostPath)) throw hung(index, hostPath, 'an earlier look at it has not ended yet');
    });
    const sources = new Map<number, string>();
    for (const [at, source] of (await this.#resolveAll(asked, signal)).entries()) {
      sources.set(asked[at]?.index ?? at, source);
    }
    const resolved = mounts.map((spec, index) => ({ spec, source: sources.get(index) ?? spec.hostPath }));
    if (mounts.some(({ propagation }) => propagation !== 'private')) {
      const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
      resolved.forEach(({ spec, source }, index) => checkPropagation(mountinfo, spec, source, index));
    }
    return resolved;
  }

  async demandAnswer(what: string, path: string, signal: AbortSignal): Promise<void> {
    const on = mountOf(await this.#mountTable(), path);
    if (on !== undefined && NEVER_HANG.has(on.fsType)) return;
    const refuse = (why: string): EngineError =>
      new EngineError('deadline-exceeded', `${what} ${path} hangs: ${why}; look at the file system that it is on`);
    if (this.#stuck.has(path)) throw refuse('an earlier look at it has not ended yet');
    const timeoutMs = this.#deps.oneSourceTimeoutMs ?? ONE_SOURCE_TIMEOUT_MS;
    const { kind } = await this.#probe([path], timeoutMs, signal);
    if (kind === 'hung') throw refuse(`it did not answer within ${timeoutMs / 1000} s`);
  }

  /** As it was some seconds ago at most. */
  async #mountTable(): Promise<readonly MountEntry[]> {
    const { readAtMs = -Infinity } = this.#table ?? {};
    if (this.#table === undefined || performance.now() - readAtMs > MOUNT_TABLE_MS) {
      const entries = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
      this.#table = { entries, readAtMs: performance.now() };
    }
    return this.#table.entries;
  }

  async #resolveAll(asked: readonly Asked[], signal: AbortSignal): Promise<readonly string[]> {
    if (asked.length === 0) return [];
    const paths = asked.map(({ hostPath }) => hostPath);
    // One process for all of them is the rule; one for each finds the culprit when that did not work.
    const all = await this.#probe(paths, this.#deps.sourcesTimeoutMs ?? SOURCES_TIMEOUT_MS, signal);
    return all.kind === 'resolved' ? all.paths : await this.#oneByOne(asked, signal);
  }

  async #oneByOne(asked: readonly Asked[], signal: AbortSignal): Promise<readonly string[]> {
    const timeoutMs = this.#deps.oneSourceTimeoutMs ?? ONE_SOURCE_TIMEOUT_MS;
    return await Promise.all(
      asked.map(async ({ hostPath: path, index }) => {
        const probe = await this.#probe([path], timeoutMs, signal);
        if (probe.kind === 'resolved') return probe.paths[0] ?? path;
        if (probe.kind === 'failed') throw invalidField(fieldOf(index), `${path}: ${probe.message}`);
        throw hung(index, path, `it did not answer within ${timeoutMs / 1000} s`);
      }),
    );
  }

  async #probe(paths: readonly string[], timeoutMs: number, signal: AbortSignal): ReturnType<typeof probePaths> {
    const probe = await probePaths(paths, timeoutMs, signal, this.#deps.program);
    const [path] = paths;
    if (probe.kind === 'hung' && path !== undefined && paths.length === 1) {
      this.#stuck.add(path);
      void probe.gone.then(() => this.#stuck.delete(path));
    }
    return probe;
  }
}

/** A path that was asked for, and which of the mounts it belongs to. */
interface Asked {
  readonly hostPath: string;
  readonly index: number;
}

function fieldOf(index: number): string {
  return `config.mounts[${index}].host_path`;
}

function hung(index: number, path: string, why: string): EngineError {
  return new EngineError(
    'deadline-exceeded',
    `${fieldOf(index)}: ${path} hangs: ${why}; look at the file system that it is on`,
  );
}
