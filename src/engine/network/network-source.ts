import { EngineError, messageOf } from '../errors.ts';
import type { EngineConfig } from '../engine-config.ts';
import type { Logger } from '../logger.ts';
import { BUILTIN_BRIDGE, BUILTIN_NAME, builtinConf } from './builtin.ts';
import { BANDWIDTH } from './capabilities.ts';
import { loadNetworkConf } from './cni-conf.ts';
import type { ConfSelection, NetworkConf } from './cni-conf.ts';
import { findAll, statusOfNetwork } from './cni-exec.ts';
import { isAtLeast } from './cni-version.ts';
import { ConfWatch } from './conf-watch.ts';
import type { JsonObject } from './json.ts';
import { findPlugin, limitsOf } from './plugin.ts';
import { NOT_LOADED, notConfigured, readinessOf } from './readiness.ts';
import type { NetworkStatus } from './readiness.ts';

export interface NetworkSourceDeps {
  readonly config: Pick<EngineConfig, 'cniConfDir' | 'cniBinDir' | 'builtinNetwork' | 'network'>;
  readonly logger: Logger;
  readonly builtin?: { readonly name: string; readonly bridge: string };
}

/** How often plugins that have STATUS are asked, and how long they may take. */
const STATUS_INTERVAL_MS = 10_000;
const STATUS_TIMEOUT_MS = 10_000;
const NOT_ANSWERED = 'the plugins have not answered STATUS yet';

/** Which network pods are attached to now, and whether it can be used. */
export class NetworkSource {
  readonly #deps: NetworkSourceDeps;
  readonly #watch: ConfWatch;
  readonly #closing = new AbortController();
  #status: NetworkStatus = NOT_LOADED;
  /** What STATUS said last, of which network. */
  #asked: { readonly network: string; readonly problem: string | undefined; readonly at: number } | undefined;
  #asking: Promise<void> | undefined;

  constructor(deps: NetworkSourceDeps) {
    this.#deps = deps;
    this.#watch = new ConfWatch({
      dirs: deps.config.cniConfDir,
      logger: deps.logger,
      onLook: (selection) => this.#judge(selection),
    });
  }

  async start(): Promise<void> {
    await this.#watch.start();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#asking;
    await this.#watch.close();
  }

  status(): NetworkStatus {
    return this.#status;
  }

  /** The configuration as it is on disk now. */
  async select(confDir: string | undefined): Promise<ConfSelection> {
    return await loadNetworkConf(confDir === undefined ? this.#deps.config.cniConfDir : [confDir]);
  }

  /** The network to attach a pod to. Throws unavailable where there is none. */
  async networkFor(confDir: string | undefined, capabilities: JsonObject): Promise<NetworkConf> {
    const { network, problems } = await this.select(confDir);
    if (network !== undefined) return network;
    const { cniConfDir, builtinNetwork } = this.#deps.config;
    if (confDir === undefined && builtinNetwork) return await this.#builtin(BANDWIDTH in capabilities);
    const { message } = notConfigured(confDir === undefined ? cniConfDir : [confDir], problems);
    throw new EngineError('unavailable', `the pod needs a network: ${message}`);
  }

  async #builtin(wantsBandwidth: boolean): Promise<NetworkConf> {
    const name = this.#deps.builtin?.name ?? BUILTIN_NAME;
    const isThere = (type: string): Promise<boolean> =>
      findPlugin(type, this.#deps.config.cniBinDir, name).then(
        () => true,
        () => false,
      );
    return builtinConf({
      name,
      bridge: this.#deps.builtin?.bridge ?? BUILTIN_BRIDGE,
      subnets: this.#deps.config.network.builtinSubnet,
      firewall: await isThere('firewall'),
      bandwidth: wantsBandwidth && (await isThere('bandwidth')),
    });
  }

  async #judge(selection: ConfSelection): Promise<void> {
    const { cniConfDir: dirs, cniBinDir, builtinNetwork: builtin } = this.#deps.config;
    const network = selection.network ?? (builtin ? await this.#builtin(false) : undefined);
    const missing = network === undefined ? undefined : await problemOf(findAll(network, cniBinDir));
    const notReady = network === undefined || missing !== undefined ? undefined : this.#answerOf(network);
    const status = readinessOf({
      selection,
      dirs,
      builtin,
      ...(missing === undefined ? {} : { missing }),
      ...(notReady === undefined ? {} : { notReady }),
    });
    if (status.ready !== this.#status.ready) this.#deps.logger.info({ ...status }, 'network readiness changed');
    this.#status = status;
  }

  /** What STATUS said last; asks again behind the scenes when that is old or of another network. */
  #answerOf(network: NetworkConf): string | undefined {
    if (!isAtLeast(network.cniVersion, '1.1.0')) return undefined;
    const identity = JSON.stringify(network);
    const last = this.#asked?.network === identity ? this.#asked : undefined;
    const isOld = last === undefined || performance.now() - last.at >= STATUS_INTERVAL_MS;
    if (isOld && !this.#closing.signal.aborted) this.#asking ??= this.#ask(network, identity);
    return last === undefined ? NOT_ANSWERED : last.problem;
  }

  async #ask(network: NetworkConf, identity: string): Promise<void> {
    const limits = limitsOf(this.#closing.signal, STATUS_TIMEOUT_MS);
    const problem = await problemOf(statusOfNetwork(network, this.#deps.config.cniBinDir, limits));
    const isNews = this.#asked?.network !== identity || this.#asked.problem !== problem;
    this.#asked = { network: identity, problem, at: performance.now() };
    this.#asking = undefined;
    if (isNews && !this.#closing.signal.aborted) void this.#watch.look();
  }
}

async function problemOf(work: Promise<unknown>): Promise<string | undefined> {
  return await work.then(() => undefined, messageOf);
}
