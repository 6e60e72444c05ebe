/**
 * What is known of containerd's shims: how their programs are called, what system their containers are for, and which
 * options they take. Names of options are those of containerd's own configuration.
 */

/** By the options that they take; `other` is every shim that neither is runc's nor runhcs. */
export type ShimKind = 'runc' | 'runhcs' | 'other';

/** What system a container is made for. */
export type Platform = 'linux' | 'windows';

export type ShimOptionKind = 'boolean' | 'integer' | 'string';

const KIND_OF_BINARY: readonly (readonly [RegExp, ShimKind])[] = [
  [/^containerd-shim-runc-v\d+$/, 'runc'],
  [/^containerd-shim-runhcs-v\d+(\.exe)?$/, 'runhcs'],
];

/** The options of each kind; every one of them is a field of the message that its shims read. */
export const SHIM_OPTIONS = {
  runc: {
    NoPivotRoot: 'boolean',
    NoNewKeyring: 'boolean',
    ShimCgroup: 'string',
    IoUid: 'integer',
    IoGid: 'integer',
    Root: 'string',
    SystemdCgroup: 'boolean',
  },
  runhcs: {
    Debug: 'boolean',
    DebugType: 'string',
    RegistryRoot: 'string',
    SandboxImage: 'string',
    SandboxPlatform: 'string',
    SandboxIsolation: 'string',
    BootFilesRootPath: 'string',
    VmProcessorCount: 'integer',
    VmMemorySizeInMb: 'integer',
    GPUVHDPath: 'string',
    ScaleCpuLimitsToSandbox: 'boolean',
    DefaultContainerScratchSizeInGb: 'integer',
    DefaultVmScratchSizeInGb: 'integer',
    ShareScratch: 'boolean',
    NCProxyAddr: 'string',
    LogLevel: 'string',
    IoRetryTimeoutInSec: 'integer',
    NoInheritHostTimezone: 'boolean',
    ScrubLogs: 'boolean',
  },
  other: { TypeUrl: 'string', ConfigPath: 'string', ConfigBody: 'string' },
} as const satisfies Readonly<Record<ShimKind, Readonly<Record<string, ShimOptionKind>>>>;

/** The program that containerd starts for a runtime type; for a path, the path itself. */
export function shimBinaryOf(type: string): string {
  if (type.startsWith('/')) return type;
  return `containerd-shim-${type.split('.').slice(-2).join('-')}`;
}

export function shimKindOf(type: string): ShimKind {
  const binary = shimBinaryOf(type);
  const name = binary.slice(binary.lastIndexOf('/') + 1);
  return KIND_OF_BINARY.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
}

/** What a shim's containers are for where nothing else is said. */
export function platformOfShim(kind: ShimKind): Platform {
  return kind === 'runhcs' ? 'windows' : 'linux';
}

/** The problem of a platform with a shim that cannot serve it; undefined where it can. */
export function platformProblem(kind: ShimKind, platform: Platform): string | undefined {
  if (kind !== 'runhcs' && platform === 'windows') return 'must be linux: only runhcs runs what is for Windows';
  if (kind === 'runhcs' && platform === 'linux')
    return 'must be windows: Linux containers by runhcs are not carried out';
  return undefined;
}

/** The problem of an option for a kind of shim, by its name; undefined where it is known. */
export function optionProblem(kind: ShimKind, option: string): string | undefined {
  if (Object.hasOwn(SHIM_OPTIONS[kind], option)) return undefined;
  const takers = Object.entries(SHIM_OPTIONS).filter(([, options]) => Object.hasOwn(options, option));
  const known = Object.keys(SHIM_OPTIONS[kind]).join(', ');
  if (takers.length === 0) return `is no option that davit knows; there are: ${known}`;
  return `is for ${takers.map(([name]) => NAMES[name as ShimKind]).join(' and ')}; this one takes ${known}`;
}

const NAMES = {
  runc: "runc's shim",
  runhcs: 'runhcs',
  other: 'shims that are neither runc nor runhcs',
} as const satisfies Readonly<Record<ShimKind, string>>;
