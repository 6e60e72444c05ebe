import { platformOfShim, platformProblem, shimKindOf } from '../../shim-kinds.ts';
import type { Platform } from '../../shim-kinds.ts';
import type { EngineConfig, HandlerConfig } from '../engine-config.ts';
import { EngineError, invalidField, messageOf } from '../errors.ts';
import type { CgroupDriver } from '../types/index.ts';
import { readBaseSpec } from './base-spec/index.ts';
import type { ParsedBaseSpec } from './base-spec/index.ts';
import { shimOptions } from './shim-options.ts';
import type { ShimOptions } from './shim-options.ts';

/** A runtime handler, resolved from the name that a request gives. */
export interface Handler {
  /** Its name in the configuration, never ''. */
  readonly name: string;
  readonly config: HandlerConfig;
  /** The system that its containers are for. */
  readonly platform: Platform;
  readonly shimOptions: ShimOptions;
  /** What its own file adds to each container. */
  readonly base?: ParsedBaseSpec;
}

export interface Handlers {
  /** Who makes cgroups on this node, the same for all handlers: the kubelet is told one. */
  readonly cgroupDriver: CgroupDriver;
  /** In the configuration's order, the default first. */
  readonly all: readonly Handler[];
  /** '' is the default. Throws invalid-argument naming those there are. */
  resolve(name: string): Handler;
}

/**
 * The table of handlers. `driver` is the node's cgroup driver unless the default handler's options say otherwise. Throws
 * failed-precondition for options that cannot be carried out, naming the key. Base specs are read here, from their files.
 */
export function createHandlers(
  { handlers, defaultRuntime }: Pick<EngineConfig, 'handlers' | 'defaultRuntime'>,
  driver: CgroupDriver,
): Handlers {
  const defaults = handlers[defaultRuntime];
  if (defaults === undefined) {
    const known = Object.keys(handlers).join(', ');
    throw new EngineError(
      'failed-precondition',
      `default_runtime: ${defaultRuntime} is no handler; there are: ${known}`,
    );
  }
  const cgroupDriver = driverOf(defaults, driver);
  const names = [defaultRuntime, ...Object.keys(handlers).filter((name) => name !== defaultRuntime)];
  const all = names.flatMap((name) => {
    const config = handlers[name];
    return config === undefined ? [] : [createHandler(name, config, cgroupDriver)];
  });
  const byName = new Map(all.map((handler) => [handler.name, handler]));
  return Object.freeze({
    cgroupDriver,
    all,
    resolve: (name: string): Handler => {
      const handler = byName.get(name === '' ? defaultRuntime : name);
      if (handler !== undefined) return handler;
      throw invalidField('runtime_handler', `${JSON.stringify(name)} is no handler; there are: ${names.join(', ')}`);
    },
  });
}

/** Handlers that can be replaced by others while davitd runs. */
export class LiveHandlers implements Handlers {
  #current: Handlers;

  constructor(first: Handlers) {
    this.#current = first;
  }

  get cgroupDriver(): CgroupDriver {
    return this.#current.cgroupDriver;
  }

  get all(): readonly Handler[] {
    return this.#current.all;
  }

  resolve(name: string): Handler {
    return this.#current.resolve(name);
  }

  /** The cgroup driver must be the same: cgroups are named by it. */
  replace(next: Handlers): void {
    this.#current = next;
  }
}

/** Whether the runtime behind the handler is started by the runc shim. */
export function isRuncLike(config: Pick<HandlerConfig, 'type'>): boolean {
  return shimKindOf(config.type) === 'runc';
}

function createHandler(name: string, config: HandlerConfig, driver: CgroupDriver): Handler {
  const kind = shimKindOf(config.type);
  const platform = config.platform ?? platformOfShim(kind);
  const problem = platformProblem(kind, platform);
  if (problem !== undefined) throw new EngineError('failed-precondition', `handlers.${name}.platform: ${problem}`);
  return Object.freeze({
    name,
    config,
    platform,
    shimOptions: shimOptions(name, config, driver),
    ...baseOf(name, config),
  });
}

function baseOf(name: string, { baseRuntimeSpec }: HandlerConfig): Pick<Handler, 'base'> {
  if (baseRuntimeSpec === undefined) return {};
  try {
    return { base: readBaseSpec(baseRuntimeSpec) };
  } catch (error) {
    throw new EngineError('failed-precondition', `handlers.${name}.base_runtime_spec: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function driverOf(config: HandlerConfig, fallback: CgroupDriver): CgroupDriver {
  const systemd = config.options['SystemdCgroup'];
  if (typeof systemd !== 'boolean') return fallback;
  return systemd ? 'systemd' : 'cgroupfs';
}
