import { statfs } from 'node:fs/promises';
import { EngineError, messageOf, withContext } from '../errors.ts';
import type { EngineConfig } from '../engine-config.ts';
import type { SandboxId } from '../ids.ts';
import { KeyedMutex } from '../keyed-mutex.ts';
import { NO_INSTRUMENTS } from '../instruments.ts';
import type { Instruments } from '../instruments.ts';
import type { Logger } from '../logger.ts';
import type { SandboxNetwork } from '../types/index.ts';
import { WorkQueue } from '../work-queue.ts';
import type { WorkLimits } from '../work-queue.ts';
import { cniArgs } from './attach-args.ts';
import { AttachmentCache } from './cache.ts';
import type { AttachmentRecord } from './cache.ts';
import { capabilityArgs, declares, PORT_MAPPINGS } from './capabilities.ts';
import type { NetworkConf } from './cni-conf.ts';
import { addNetwork, checkNetwork, delNetwork, gcNetwork } from './cni-exec.ts';
import type { AddProgress, Attachment } from './cni-exec.ts';
import { podIps, preferred } from './cni-result.ts';
import type { JsonObject } from './json.ts';
import type { AttachRequest, NetworkService } from './network-service.ts';
import { limitsOf } from './plugin.ts';
import type { NetworkStatus } from './readiness.ts';
import { NetworkSource } from './network-source.ts';

export interface NetworkServiceDeps {
  readonly config: Pick<EngineConfig, 'root' | 'cniConfDir' | 'cniBinDir' | 'builtinNetwork' | 'network' | 'limits'>;
  readonly logger: Logger;
  /** Measures what ADD and DEL take. Absent: nobody does. */
  readonly instruments?: Instruments;
  /** Name and bridge of the built-in network, where they are not the usual ones. */
  readonly builtin?: { readonly name: string; readonly bridge: string };
}

/** The pod's interface, as Kubernetes' tools expect it. */
const IF_NAME = 'eth0';
/** statfs' type of a namespace file. */
const NSFS_MAGIC = 0x6e736673;

export function createNetworkService(deps: NetworkServiceDeps): NetworkService {
  return new Network(deps);
}

class Network implements NetworkService {
  readonly name = 'network';
  readonly attachDeadlineMs: number;
  readonly #deps: NetworkServiceDeps;
  readonly #source: NetworkSource;
  readonly #cache: AttachmentCache;
  readonly #queue: WorkQueue;
  /** Verbs about one pod never overlap, as the specification wants it. */
  readonly #locks = new KeyedMutex<SandboxId>();
  #podCidrs: readonly string[] = [];

  constructor(deps: NetworkServiceDeps) {
    this.#deps = deps;
    this.#source = new NetworkSource(deps);
    this.#cache = new AttachmentCache(deps.config.root);
    this.#queue = new WorkQueue(deps.config.limits);
    // The wait for a turn, the ADD, the DEL that takes it back.
    this.attachDeadlineMs = 3 * deps.config.network.cniTimeoutMs;
  }

  async start(): Promise<void> {
    await this.#cache.start();
    await this.#source.start();
  }

  async close(): Promise<void> {
    await this.#source.close();
  }

  status(): NetworkStatus {
    return this.#source.status();
  }

  setLimits(limits: WorkLimits): void {
    this.#queue.setLimits(limits);
  }

  setPodCidrs(cidrs: readonly string[]): void {
    this.#podCidrs = cidrs;
  }

  async attach(request: AttachRequest, signal: AbortSignal): Promise<SandboxNetwork> {
    return await this.#exclusive(request.sandboxId, signal, async () => {
      if ((await this.#cache.get(request.sandboxId)) !== undefined) {
        throw new EngineError('already-exists', `sandbox ${request.sandboxId} has an attachment: detach it first`);
      }
      const record: AttachmentRecord = {
        version: 1,
        sandboxId: request.sandboxId,
        attachment: await this.#attachmentFor(request),
        state: 'requested',
      };
      await this.#cache.put(record);
      return await this.#measured('cni-add', request.sandboxId, () => this.#add(record, signal));
    });
  }

  async detach(sandboxId: SandboxId, netns: string | undefined, signal: AbortSignal): Promise<void> {
    await this.#exclusive(sandboxId, signal, async () => {
      const record = await this.#cache.get(sandboxId);
      if (record === undefined) return;
      await this.#measured('cni-del', sandboxId, () => this.#del(record, netns, signal));
    });
  }

  #measured<T>(name: string, sandbox: SandboxId, run: () => Promise<T>): Promise<T> {
    const { instruments = NO_INSTRUMENTS } = this.#deps;
    return instruments.around({ kind: 'action', name, attributes: { sandbox } }, run);
  }

  async check(sandboxId: SandboxId, signal: AbortSignal): Promise<void> {
    await this.#exclusive(sandboxId, signal, async () => {
      const record = await this.#cache.get(sandboxId);
      const result = record?.progress?.result;
      if (record?.state !== 'attached' || result === undefined) {
        throw new EngineError('failed-precondition', `sandbox ${sandboxId} is not attached to a network`);
      }
      await checkNetwork(this.#current(record.attachment), result, this.#limits(signal));
    });
  }

  attachments(): Promise<readonly SandboxId[]> {
    return this.#cache.list();
  }

  async gc(signal: AbortSignal): Promise<void> {
    const {
      cniBinDir,
      network: { cniGc },
    } = this.#deps.config;
    const { network } = await this.#source.select(undefined);
    if (!cniGc || network === undefined) return;
    const ids = await this.#cache.list();
    const valid = ids.map((containerID) => ({ containerID, ifname: IF_NAME }));
    await this.#queue.run(signal, () => gcNetwork(network, cniBinDir, valid, this.#limits(signal)));
  }

  async #exclusive<T>(sandboxId: SandboxId, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    // The lock first: who waits for another verb of the same pod holds no place in the queue.
    return await this.#locks.run(sandboxId, signal, () => this.#queue.run(signal, work));
  }

  async #attachmentFor(request: AttachRequest): Promise<Attachment> {
    const args = cniArgs(request);
    const capabilities = capabilityArgs({ ...request, podCidrs: this.#podCidrs });
    const network = await this.#source.networkFor(request.confDir, capabilities);
    if (PORT_MAPPINGS in capabilities && !network.plugins.some((plugin) => declares(plugin, PORT_MAPPINGS))) {
      const fields = { sandbox: request.sandboxId, network: network.name };
      this.#deps.logger.warn(fields, 'the pod has host ports and no plugin of the network declares portMappings');
    }
    return {
      network,
      binDirs: this.#deps.config.cniBinDir,
      containerId: request.sandboxId,
      netns: request.netns,
      ifName: IF_NAME,
      args,
      capabilityArgs: capabilities,
    };
  }

  async #add(record: AttachmentRecord, signal: AbortSignal): Promise<SandboxNetwork> {
    let progress: AddProgress = { begun: 0, refused: false };
    try {
      const result = await addNetwork(record.attachment, this.#limits(signal), (now) => (progress = now));
      const ips = preferred(ipsOf(result, record.attachment.network), this.#deps.config.network.ipPreference);
      signal.throwIfAborted();
      await this.#cache.put({ ...record, state: 'attached', progress });
      return { ips, cniResult: result };
    } catch (error) {
      throw await this.#takeBack({ ...record, state: 'failed', progress }, error);
    }
  }

  /** Undoes an ADD that failed and returns the error to throw. */
  async #takeBack(record: AttachmentRecord, cause: unknown): Promise<unknown> {
    try {
      // Without it the record still says `requested`, and the next DEL goes to every plugin.
      await this.#cache.put(record).catch(() => undefined);
      await this.#del(record, record.attachment.netns, new AbortController().signal);
      return cause;
    } catch (error) {
      const fields = { sandbox: record.sandboxId, error: messageOf(error) };
      this.#deps.logger.error(fields, 'a failed attachment could not be taken back; stopping the pod tries again');
      return withContext(cause, `attachment not taken back (${messageOf(error)})`);
    }
  }

  async #del(record: AttachmentRecord, netns: string | undefined, signal: AbortSignal): Promise<void> {
    const live = await firstNetns([netns, record.attachment.netns]);
    const attachment = { ...this.#current(record.attachment), netns: live };
    await delNetwork(attachment, record.progress, this.#limits(signal), (message) =>
      this.#deps.logger.warn({ sandbox: record.sandboxId, message }, 'DEL of a plugin that had refused ADD failed'),
    );
    await this.#cache.delete(record.sandboxId);
  }

  /** Plugins are looked for where they are today, too. */
  #current(attachment: Attachment): Attachment {
    return { ...attachment, binDirs: [...new Set([...this.#deps.config.cniBinDir, ...attachment.binDirs])] };
  }

  #limits(signal: AbortSignal): ReturnType<typeof limitsOf> {
    return limitsOf(signal, this.#deps.config.network.cniTimeoutMs);
  }
}

function ipsOf(result: JsonObject, network: NetworkConf): readonly string[] {
  const ips = podIps(result);
  if (ips.length > 0) return ips;
  throw new EngineError('internal', `network "${network.name}" of ${network.source} gave the pod no address`);
}

/** The first path that is a namespace; '' when none is any more, which is how plugins are told. */
async function firstNetns(paths: readonly (string | undefined)[]): Promise<string> {
  for (const path of paths) {
    if (path === undefined || path === '') continue;
    const isNetns = await statfs(path).then(
      ({ type }) => type === NSFS_MAGIC,
      () => false,
    );
    if (isNetns) return path;
  }
  return '';
}
