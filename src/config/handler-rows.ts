import { optionProblem, platformOfShim, platformProblem, shimKindOf } from '../shim-kinds.ts';
import { absolutePath, boolean, integer, listOf, oneOf, text, textMap, wildcard } from './kinds.ts';
import { key, optionalKey, table, type Rows, type ValueOf } from './node.ts';

const INT32_MAX = 2 ** 31 - 1;
/** Of a user or a group; the last one means none. */
const MAX_ID = 2 ** 32 - 2;

const id = integer({ min: 0, max: MAX_ID });
const annotationName = text('annotation', /^[^\s\0]+$/, 'the name of an annotation');
const runtimeBinary = text('path or name', /^(\/[^\0]+|[^\s\0/]+)$/, 'an absolute path or the name of a program');
const imageReference = text('image', /^\S+$/, 'the name of an image');
const word = text('text', /^[^\0]+$/, 'text that is not empty');

/** The keys of one runtime handler. */
export const HANDLER_ROWS = {
  type: key(
    text(
      'runtime type',
      /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?){2,}|\/[^\0]*[^\0/])$/,
      'a runtime type like io.containerd.runc.v2 or the path of a shim',
    ),
    'io.containerd.runc.v2',
    "containerd's runtime type, or the absolute path of a shim: io.containerd.runc.v2, io.containerd.runhcs.v1, io.containerd.kata.v2, io.containerd.runsc.v1, any other.",
  ),
  binary: optionalKey(
    runtimeBinary,
    '/usr/local/sbin/crun',
    "The OCI runtime of runc's shim. Absent: the shim's default, runc.",
  ),
  snapshotter: key(
    text('name', /^[a-z0-9][-a-z0-9._]*$/, "a snapshotter's name"),
    'overlayfs',
    "containerd's snapshotter for the containers' root file systems.",
  ),
  platform: optionalKey(
    oneOf('linux', 'windows'),
    'linux',
    'The system that the containers are for: which part of a request counts, and what is handed to the shim. Absent: windows for runhcs, linux for all others.',
  ),
  default_annotations: key(
    textMap(annotationName),
    {},
    "Annotations that the runtime of every container sees, unless the pod or the container has them and is let through. A later file's table takes the place of an earlier one's.",
  ),
  pod_annotations: key(
    listOf(wildcard('annotation')),
    [],
    "Pods' annotations that reach the runtime: names, or patterns of a shell (`*`, `?`, `[a-z]`), none of which stands for a `/`.",
  ),
  container_annotations: key(
    listOf(wildcard('annotation')),
    [],
    "Containers' annotations that reach the runtime, likewise.",
  ),
  privileged_without_host_devices: key(
    boolean(),
    false,
    'Privileged containers get the devices that they ask for and no others: for virtual machines, into which the devices of the node cannot go.',
  ),
  cgroup_writable: key(
    boolean(),
    false,
    'Containers without privileges may write to their own /sys/fs/cgroup, too. Wants cgroup v2, where they see no other.',
  ),
  exec_cpu_affinity: key(
    oneOf('all', 'first'),
    'all',
    'Which CPUs commands (exec, probes) start on: all of the container, or the first of those that it has for itself. Wants runc 1.3 and containerd 2.1.',
  ),
  seccomp_profile: optionalKey(
    absolutePath(),
    '/etc/davit/seccomp.json',
    "The file that is the default seccomp profile of this handler's containers, JSON as for Localhost; read again for each of them. Absent: davit's own.",
  ),
  base_runtime_spec: optionalKey(
    absolutePath(),
    '/etc/davit/base-spec.json',
    "The file of an OCI runtime spec, JSON, that this handler's containers begin with: variables, limits, mounts, hooks, annotations, devices. Read at start and by SIGHUP; what davit sets itself counts before it.",
  ),
  cni_conf_dir: optionalKey(
    absolutePath(),
    '/etc/cni/other.d',
    'The folder of CNI configurations for pods of this handler. Absent: the cni_conf_dir of all.',
  ),
  options: table("What the shim is told, by containerd's names. Which there are follows from the type.", {
    SystemdCgroup: optionalKey(
      boolean(),
      true,
      'runc: whether systemd makes the cgroups, the same for all handlers. Absent: it does where it is PID 1.',
    ),
    NoPivotRoot: optionalKey(boolean(), true, 'runc: change the root without pivot_root, for roots on a ramdisk.'),
    NoNewKeyring: optionalKey(boolean(), true, 'runc: containers keep the keyring of the shim.'),
    ShimCgroup: optionalKey(absolutePath(), '/shims', 'runc: the cgroup that shims are put into.'),
    IoUid: optionalKey(id, 1000, "runc: the user that owns the shim's pipes."),
    IoGid: optionalKey(id, 1000, "runc: the group that owns the shim's pipes."),
    Root: optionalKey(
      absolutePath(),
      '/run/other-runc',
      "runc: where the OCI runtime keeps its state. Absent: the shim's default.",
    ),
    SandboxImage: optionalKey(
      imageReference,
      'registry.k8s.io/pause:3.10.1',
      'runhcs: the image that pods themselves are made from. It must be on the node; only pods of HostProcess containers do without.',
    ),
    SandboxIsolation: optionalKey(
      oneOf('PROCESS', 'HYPERVISOR'),
      'HYPERVISOR',
      'runhcs: how pods are isolated; by HYPERVISOR each has a virtual machine. Absent: by PROCESS.',
    ),
    SandboxPlatform: optionalKey(
      text('platform', /^windows\/[a-z0-9]+$/, 'a platform of Windows like windows/amd64'),
      'windows/amd64',
      'runhcs: the platform of pods, which it checks.',
    ),
    ScaleCpuLimitsToSandbox: optionalKey(
      boolean(),
      true,
      "runhcs: limits of processors count from the node's, and are scaled to the virtual machine's.",
    ),
    VmProcessorCount: optionalKey(integer({ min: 1, max: 1024 }), 2, 'runhcs: the processors of a virtual machine.'),
    VmMemorySizeInMb: optionalKey(
      integer({ min: 1, max: INT32_MAX }),
      1024,
      'runhcs: the memory of a virtual machine.',
    ),
    DefaultContainerScratchSizeInGb: optionalKey(
      integer({ min: 1, max: INT32_MAX }),
      20,
      'runhcs: how much a container may write to its root.',
    ),
    DefaultVmScratchSizeInGb: optionalKey(
      integer({ min: 1, max: INT32_MAX }),
      20,
      'runhcs: how much a virtual machine may write to its own.',
    ),
    ShareScratch: optionalKey(boolean(), true, 'runhcs: the containers of a pod write to one disk.'),
    BootFilesRootPath: optionalKey(word, 'C:\\boot', 'runhcs: the folder of what virtual machines boot from.'),
    GPUVHDPath: optionalKey(word, 'C:\\gpu.vhd', 'runhcs: the disk with the drivers of graphics processors.'),
    NCProxyAddr: optionalKey(
      word,
      '\\\\.\\pipe\\proxy',
      'runhcs: the proxy that sets networks up. Absent: runhcs does.',
    ),
    RegistryRoot: optionalKey(word, 'SOFTWARE\\davit', 'runhcs: the registry key that keeps its state.'),
    NoInheritHostTimezone: optionalKey(boolean(), true, 'runhcs: virtual machines have UTC.'),
    ScrubLogs: optionalKey(
      boolean(),
      true,
      "runhcs: environments are kept out of its logs. Absent: runhcs' default, yes.",
    ),
    IoRetryTimeoutInSec: optionalKey(
      integer({ min: 0, max: INT32_MAX }),
      0,
      'runhcs: how long streams are tried again; 0 for ever.',
    ),
    LogLevel: optionalKey(
      oneOf('trace', 'debug', 'info', 'warning', 'error', 'fatal', 'panic'),
      'info',
      'runhcs: the least severe line of its log.',
    ),
    Debug: optionalKey(boolean(), true, 'runhcs: log more; LogLevel counts before it.'),
    DebugType: optionalKey(oneOf('NPIPE', 'FILE', 'ETW'), 'ETW', 'runhcs: where the log goes.'),
    TypeUrl: optionalKey(word, 'io.containerd.runsc.v1.options', 'All other shims: what their configuration is.'),
    ConfigPath: optionalKey(
      absolutePath(),
      '/etc/kata-containers/configuration.toml',
      'All other shims: the file of their own configuration.',
    ),
    ConfigBody: optionalKey(
      word,
      'key = "value"',
      'All other shims: the text of their configuration, where there is no file.',
    ),
  }),
} as const satisfies Rows;

/** `key` is below the handler's own table. */
export interface HandlerProblem {
  readonly key: readonly string[];
  readonly message: string;
}

/** What a shim cannot be told, and what it cannot do without. */
export function checkHandler(handler: ValueOf<typeof HANDLER_ROWS>): readonly HandlerProblem[] {
  const kind = shimKindOf(handler.type);
  const problems: HandlerProblem[] = [];
  const platform = platformProblem(kind, handler.platform ?? platformOfShim(kind));
  if (platform !== undefined) problems.push({ key: ['platform'], message: platform });
  if (handler.binary !== undefined && kind !== 'runc')
    problems.push({
      key: ['binary'],
      message: `is not for a handler of type ${handler.type}: only runc's shim takes it`,
    });
  if (handler.baseRuntimeSpec !== undefined && (handler.platform ?? platformOfShim(kind)) === 'windows')
    problems.push({ key: ['base_runtime_spec'], message: 'is not for a handler of Windows' });
  for (const option of Object.keys(handler.options)) {
    const problem = optionProblem(kind, option);
    if (problem !== undefined) problems.push({ key: ['options', option], message: problem });
  }
  const { ConfigPath, ConfigBody } = handler.options;
  if (ConfigPath !== undefined && ConfigBody !== undefined)
    problems.push({ key: ['options', 'ConfigBody'], message: 'stands beside ConfigPath: a shim takes one of them' });
  return problems;
}
