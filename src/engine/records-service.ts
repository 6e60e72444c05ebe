import { chmod, mkdir } from 'node:fs/promises';
import type { BootRecord, SinceLast } from './boot-record.ts';
import { SUPERVISED_FOLDER } from './containerd/index.ts';
import type { EngineConfig } from './engine-config.ts';
import type { EngineEntries } from './engine-deps.ts';
import { removeFormerBoot } from './former-boot.ts';
import type { Service } from './lifecycle.ts';
import type { OpsDeps } from './ops/deps.ts';
import { markRecords } from './ops/reconcile.ts';
import { preparePauseRoot } from './pause-root.ts';

export interface RecordsServiceDeps extends Pick<OpsDeps, 'store' | 'marks' | 'pauseRoot' | 'logger'> {
  readonly config: Pick<EngineConfig, 'root' | 'state'>;
  readonly entries: Pick<EngineEntries, 'pause'>;
  readonly bootRecord: BootRecord;
}

const ROOT_MODE = 0o700;
/** Passed through by others than root (a pod's files are mounted from below it), never listed. */
const STATE_MODE = 0o711;

/** The records, and the folders that they and their marks are in: what everything else begins with. */
export class RecordsService implements Service {
  readonly name = 'records';
  readonly #deps: RecordsServiceDeps;
  #since: SinceLast = { rebooted: false, unclean: false };

  constructor(deps: RecordsServiceDeps) {
    this.#deps = deps;
  }

  /** What has happened to the node since davitd ran last; known from the start on. */
  get since(): SinceLast {
    return this.#since;
  }

  async start(): Promise<void> {
    const { config, entries, bootRecord, store, marks, pauseRoot, logger } = this.#deps;
    await privateFolders(config);
    this.#since = await bootRecord.begin();
    if (this.#since.rebooted) {
      const removed = await removeFormerBoot(config.state, [SUPERVISED_FOLDER]);
      logger.warn({ ...this.#since, removed }, 'the node was restarted');
    }
    await preparePauseRoot(pauseRoot, entries.pause);
    await store.start();
    await marks.start();
    await markRecords(this.#deps);
    for (const damaged of [...store.sandboxes.damaged, ...store.containers.damaged]) {
      logger.error({ ...damaged }, 'a record cannot be read');
    }
  }

  close(): Promise<void> {
    return this.#deps.bootRecord.end();
  }
}

async function privateFolders({ root, state }: Pick<EngineConfig, 'root' | 'state'>): Promise<void> {
  for (const [dir, mode] of [
    [root, ROOT_MODE],
    [state, STATE_MODE],
  ] as const) {
    await mkdir(dir, { recursive: true, mode });
    await chmod(dir, mode); // also one that an earlier version, or the umask, made otherwise
  }
}
