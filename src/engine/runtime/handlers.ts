import type { EngineConfig, HandlerConfig } from '../engine-config.ts';
import { EngineError, invalidField } from '../errors.ts';
import type { CgroupDriver } from '../types.ts';

/** A runtime handler, resolved from the name that a request gives. */
export interface Handler {
  /** Its name in the configuration, never ''. */
  readonly name: string;
  readonly config: HandlerConfig;
  /** For containerd's runc options message. */
  readonly runtimeOptions: RuncOptions;
}

/** Fields of `containerd.runc.v1.Options` that davit sets. */
export interface RuncOptions {
  readonly binaryName?: string;
  readonly systemdCgroup?: boolean;
}

export interface Handlers {
  /** Who makes cgroups on this node, the same for all handlers: the kubelet is told one. */
  readonly cgroupDriver: CgroupDriver;
  /** In the configuration's order, the default first. */
  readonly all: readonly Handler[];
  /** '' is the default. Throws invalid-argument naming those there are. */
  resolve(name: string): Handler;
}

/** Shims that take the runc options message. */
const RUNC_LIKE = /^io\.containerd\.runc\.v\d+$/;

/**
 * The table of handlers. `driver` is the node's cgroup driver unless the default handler's options say otherwise. Throws
 * failed-precondition for options that cannot be carried out, naming the key.
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
    return config === undefined ? [] : [{ name, config, runtimeOptions: runcOptions(name, config, cgroupDriver) }];
  });
  const byName = new Map(all.map((handler) => [handler.name, Object.freeze(handler)]));
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

/** Whether the runtime behind the handler is started by the runc shim. */
export function isRuncLike(config: Pick<HandlerConfig, 'type'>): boolean {
  return RUNC_LIKE.test(config.type);
}

function driverOf(config: HandlerConfig, fallback: CgroupDriver): CgroupDriver {
  const systemd = config.options['SystemdCgroup'];
  if (typeof systemd !== 'boolean') return fallback;
  return systemd ? 'systemd' : 'cgroupfs';
}

function runcOptions(name: string, config: HandlerConfig, driver: CgroupDriver): RuncOptions {
  const key = `handlers.${name}.options`;
  for (const [option, value] of Object.entries(config.options)) {
    if (!isRuncLike(config)) throw unusable(`${key}.${option}`, `runtimes of type ${config.type} take no options`);
    if (option !== 'SystemdCgroup')
      throw unusable(`${key}.${option}`, 'is no option that davit knows; it knows SystemdCgroup');
    if (typeof value !== 'boolean') throw unusable(`${key}.${option}`, 'must be true or false');
    if (driverOf(config, driver) !== driver)
      throw unusable(`${key}.${option}`, `differs from the cgroup driver of the other handlers, which is ${driver}`);
  }
  if (!isRuncLike(config)) {
    if (config.binary !== undefined)
      throw unusable(`handlers.${name}.binary`, `runtimes of type ${config.type} take none`);
    return {};
  }
  return {
    ...(config.binary === undefined ? {} : { binaryName: config.binary }),
    ...(driver === 'systemd' ? { systemdCgroup: true } : {}),
  };
}

function unusable(key: string, problem: string): EngineError {
  return new EngineError('failed-precondition', `${key}: ${problem}`);
}
