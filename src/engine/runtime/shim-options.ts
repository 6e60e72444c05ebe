import { EngineError } from '../errors.ts';
import type { HandlerConfig } from '../engine-config.ts';
import { optionProblem, SHIM_OPTIONS, shimKindOf } from '../../shim-kinds.ts';
import type { ShimKind } from '../../shim-kinds.ts';
import type { CgroupDriver } from '../types/index.ts';

/** What containerd hands a shim: the message that its kind knows, with the fields that are set. */
export interface ShimOptions {
  readonly kind: ShimKind;
  /** By the names that the message's generated code has; empty: no message at all. */
  readonly fields: Readonly<Record<string, boolean | number | string>>;
}

/** How runhcs isolates; `hypervisor` gives each pod a virtual machine. */
export type Isolation = 'process' | 'hypervisor';

/** Of runhcs' option SandboxIsolation; whoever has no such option isolates by processes. */
export function isolationOf({ options }: Pick<HandlerConfig, 'options'>): Isolation {
  return options['SandboxIsolation'] === 'HYPERVISOR' ? 'hypervisor' : 'process';
}

/** The enumerations of runhcs, by the words of the configuration. */
const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  DebugType: { NPIPE: 0, FILE: 1, ETW: 2 },
  SandboxIsolation: { PROCESS: 0, HYPERVISOR: 1 },
};

const WORDS: Readonly<Record<string, string>> = { boolean: 'true or false', integer: 'an integer' };

/**
 * The options of a handler's shim. `driver` is who makes the node's cgroups, which runc's shim must know. Throws
 * failed-precondition naming the key of an option that cannot be carried out.
 */
export function shimOptions(name: string, config: HandlerConfig, driver: CgroupDriver): ShimOptions {
  const kind = shimKindOf(config.type);
  const fields: Record<string, boolean | number | string> = {};
  for (const [option, value] of Object.entries(config.options)) {
    if (value === undefined) continue;
    fields[fieldOf(option)] = checkOption(`handlers.${name}.options.${option}`, kind, option, value);
  }
  if (kind !== 'runc') {
    if (config.binary !== undefined)
      throw unusable(`handlers.${name}.binary`, `shims of type ${config.type} take none; only those of runc do`);
    return { kind, fields };
  }
  const { systemdCgroup = driver === 'systemd', ...others } = fields;
  if (systemdCgroup !== (driver === 'systemd')) {
    const key = `handlers.${name}.options.SystemdCgroup`;
    throw unusable(key, `differs from the cgroup driver of the other handlers, which is ${driver}`);
  }
  return {
    kind,
    fields: {
      ...(config.binary === undefined ? {} : { binaryName: config.binary }),
      ...(systemdCgroup ? { systemdCgroup } : {}),
      ...others,
    },
  };
}

function checkOption(key: string, kind: ShimKind, option: string, value: unknown): boolean | number | string {
  const problem = optionProblem(kind, option);
  if (problem !== undefined) throw unusable(key, problem);
  const kinds: Readonly<Record<string, string>> = SHIM_OPTIONS[kind];
  const words = ENUMS[option];
  if (words !== undefined) {
    const number = typeof value === 'string' && Object.hasOwn(words, value) ? words[value] : undefined;
    if (number === undefined) throw unusable(key, `must be one of ${Object.keys(words).join(', ')}`);
    return number;
  }
  if (kinds[option] === 'boolean' && typeof value === 'boolean') return value;
  if (kinds[option] === 'integer' && typeof value === 'number') return value;
  if (kinds[option] === 'string' && typeof value === 'string') return value;
  throw unusable(key, `must be ${WORDS[kinds[option] ?? ''] ?? 'a string'}`);
}

/** `VmProcessorCount` → `vmProcessorCount`; names that begin with an acronym stay as they are in the message, too. */
function fieldOf(option: string): string {
  return /^[A-Z]{2}/.test(option) ? option : option.charAt(0).toLowerCase() + option.slice(1);
}

function unusable(key: string, problem: string): EngineError {
  return new EngineError('failed-precondition', `${key}: ${problem}`);
}
