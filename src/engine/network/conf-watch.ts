import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { loadNetworkConf } from './cni-conf.ts';
import type { ConfSelection } from './cni-conf.ts';

export interface ConfWatchDeps {
  readonly dirs: readonly string[];
  readonly logger: Logger;
  /** Called after each look, whether anything changed or not; awaited before the next. */
  readonly onLook: (selection: ConfSelection) => Promise<void>;
  readonly pollMs?: number;
}

/** The belt: how often the folders are read though no event came. */
const POLL_MS = 5_000;
/** Writers make several events; they are answered together. */
const SETTLE_MS = 50;
/** Folders that appear while watches are set up are found by another round. */
const ARM_ROUNDS_MAX = 5;

interface Watched {
  readonly watcher: FSWatcher;
  /** Device and inode: a folder that was replaced needs a new watch. */
  readonly identity: string;
}

/** Follows the configuration folders: files that come, go, change or are renamed in, and folders that are made later. */
export class ConfWatch {
  readonly #deps: ConfWatchDeps;
  readonly #watched = new Map<string, Watched>();
  #selection: ConfSelection = { problems: [] };
  #lookDone: Promise<void> | undefined;
  #again = false;
  #poll: NodeJS.Timeout | undefined;
  #settle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(deps: ConfWatchDeps) {
    this.#deps = deps;
  }

  get selection(): ConfSelection {
    return this.#selection;
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    this.#closed = false;
    this.#poll ??= setInterval(() => void this.look(), this.#deps.pollMs ?? POLL_MS).unref();
    await this.look();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    this.#poll = undefined;
    this.#settle = undefined;
    await this.#lookDone;
    for (const path of this.#watched.keys()) this.#unwatch(path);
  }

  /** Reads the folders now. Calls during a look share one more behind it. */
  async look(): Promise<void> {
    this.#again = this.#lookDone !== undefined;
    this.#lookDone ??= this.#lookUntilDone();
    await this.#lookDone;
  }

  async #lookUntilDone(): Promise<void> {
    try {
      do {
        this.#again = false;
        for (let round = 0; round < ARM_ROUNDS_MAX && (await this.#arm()); round += 1);
        this.#adopt(await loadNetworkConf(this.#deps.dirs));
        await this.#deps.onLook(this.#selection);
      } while (this.#again && !this.#closed);
    } catch (error) {
      this.#deps.logger.error({ error: messageOf(error) }, 'the CNI configuration could not be looked at');
    } finally {
      this.#lookDone = undefined;
    }
  }

  #adopt(selection: ConfSelection): void {
    const before = JSON.stringify(this.#selection);
    this.#selection = selection;
    if (JSON.stringify(selection) === before) return;
    const { network, problems } = selection;
    this.#deps.logger.info({ network: network?.name, source: network?.source }, 'CNI configuration read');
    for (const problem of problems) this.#deps.logger.warn({ ...problem }, 'CNI configuration file is not valid');
  }

  /** Watches each folder and its nearest existing parent; says whether a watch was added. */
  async #arm(): Promise<boolean> {
    const wanted = new Map<string, { identity: string; child: string | undefined }>();
    for (const dir of this.#deps.dirs) {
      const own = await identityOf(dir);
      if (own !== undefined) wanted.set(dir, { identity: own, child: undefined });
      for (let child = dir, parent = dirname(dir); child !== parent; child = parent, parent = dirname(parent)) {
        const identity = await identityOf(parent);
        if (identity === undefined) continue;
        // A folder that is watched whole, or for two children, is watched for all that happens in it.
        const shared = wanted.has(parent) && wanted.get(parent)?.child !== basename(child);
        wanted.set(parent, { identity, child: shared ? undefined : basename(child) });
        break;
      }
    }
    for (const [path, { identity }] of this.#watched) {
      if (wanted.get(path)?.identity !== identity) this.#unwatch(path);
    }
    let added = false;
    for (const [path, { identity, child }] of wanted) {
      if (!this.#closed && !this.#watched.has(path)) added = this.#watch(path, identity, child) || added;
    }
    return added;
  }

  #watch(path: string, identity: string, child: string | undefined): boolean {
    try {
      const watcher = watch(path, { persistent: false }, (_event, name) => {
        if (child === undefined || name === null || name === child || name === basename(path)) this.#lookSoon();
      });
      watcher.on('error', () => this.#unwatch(path));
      this.#watched.set(path, { watcher, identity });
      return true;
    } catch (error) {
      // No watches left, most often; the poll goes on.
      this.#deps.logger.debug({ path, error: messageOf(error) }, 'folder cannot be watched');
      return false;
    }
  }

  #unwatch(path: string): void {
    this.#watched.get(path)?.watcher.close();
    this.#watched.delete(path);
  }

  #lookSoon(): void {
    if (this.#closed || this.#settle !== undefined) return;
    this.#settle = setTimeout(() => {
      this.#settle = undefined;
      void this.look();
    }, SETTLE_MS);
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined; // absent or out of reach: nothing to watch yet
  }
}
