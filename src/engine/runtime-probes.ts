import { messageOf } from './errors.ts';
import type { Logger } from './logger.ts';
import { affinityWarning } from './runtime/exec-affinity.ts';
import { isRuncLike } from './runtime/handlers.ts';
import type { Handlers } from './runtime/handlers.ts';
import { probeRuntime } from './runtime/runtime-probe.ts';
import { handlerFeatures } from './runtime/handler-features.ts';
import type { RuntimeProbe } from './runtime/runtime-probe.ts';
import type { HandlerFeatures } from './types/index.ts';

/** What is asked of containerd itself. */
export interface ContainerdAbilities {
  /** Whether a snapshotter can give a root with its ids shifted. */
  remapsIds(snapshotter: string): boolean;
  /** Undefined until it has answered. */
  version(): string | undefined;
}

/** What the OCI runtimes behind the handlers are, asked once at start. Each by its handler's name. */
export class RuntimeProbes {
  readonly #handlers: Handlers;
  readonly #logger: Logger;
  readonly #kernelVersion: string;
  readonly #containerd: ContainerdAbilities;
  readonly #probes = new Map<string, RuntimeProbe>();

  constructor(handlers: Handlers, logger: Logger, kernelVersion: string, containerd: ContainerdAbilities) {
    this.#containerd = containerd;
    this.#handlers = handlers;
    this.#logger = logger;
    this.#kernelVersion = kernelVersion;
  }

  /** Asks again, for handlers that have changed. */
  async refresh(signal: AbortSignal): Promise<void> {
    await this.start(signal);
    const names = new Set(this.#handlers.all.map(({ name }) => name));
    for (const name of this.#probes.keys()) if (!names.has(name)) this.#probes.delete(name);
  }

  /** A runtime that cannot be asked is told in the log: its pods will fail, the others need not. */
  async start(signal: AbortSignal): Promise<void> {
    this.#tellPassedOver();
    const asked = this.#handlers.all.filter((handler) => isRuncLike(handler.config));
    await Promise.all(
      asked.map(async ({ name, config }) => {
        try {
          const probe = await probeRuntime(config, signal);
          const affinity = affinityWarning(config, probe.version, this.#containerd.version());
          const warnings = affinity === undefined ? probe.warnings : [...probe.warnings, affinity];
          this.#probes.set(name, { ...probe, warnings });
          for (const warning of warnings) this.#logger.warn({ handler: name }, warning);
        } catch (error) {
          this.#logger.error({ handler: name, error: messageOf(error) }, 'the OCI runtime of a handler cannot be used');
        }
      }),
    );
  }

  /** A spec that a tool wrote says much that counts for nothing here. */
  #tellPassedOver(): void {
    for (const { name, base, config } of this.#handlers.all) {
      if (base === undefined || base.passedOver.length === 0) continue;
      const fields = { handler: name, file: config.baseRuntimeSpec, parts: base.passedOver };
      this.#logger.info(fields, 'parts of the base spec count for nothing: davit sets them itself');
    }
  }

  /** By the name that a request gives. */
  features(name: string): HandlerFeatures {
    const handler = this.#handlers.resolve(name);
    const features = handlerFeatures(this.#probes.get(handler.name)?.features, this.#kernelVersion);
    return {
      ...features,
      userNamespaces: features.userNamespaces && this.#containerd.remapsIds(handler.config.snapshotter),
    };
  }

  get probes(): Readonly<Record<string, RuntimeProbe>> {
    return Object.fromEntries(this.#probes);
  }
}
