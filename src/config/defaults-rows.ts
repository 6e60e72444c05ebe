import { CAPABILITIES, DEFAULT_CAPABILITIES, fullCapabilityName } from '../capability-names.ts';
import { DEVICE_TEXT } from '../device-text.ts';
import { BadValue, type Kind } from './kind.ts';
import { boolean, cpuList, listOf, oneOf, size, text, textMap } from './kinds.ts';
import { key, optionalKey, type Rows, type ValueOf } from './node.ts';

const TIB = 1024 ** 4;

/** The limits that a process of Linux has, as `ulimit` and getrlimit(2) call them. */
const ULIMITS =
  /^(as|core|cpu|data|fsize|locks|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|rttime|sigpending|stack)$/;
/** One number for both, or soft and hard. */
const ULIMIT_VALUE = /^(unlimited|\d{1,15})(:(unlimited|\d{1,15}))?$/;

const sysctlName = text('sysctl', /^[a-z0-9_-]+([./][a-z0-9_-]+)+$/, 'the name of a sysctl like net.core.somaxconn');
const ulimitName = text('limit', ULIMITS, 'a limit like nofile, nproc or core');
const devicePath = text('path', /^\/dev(\/(?!\.\.?(\/|$))[^/:,\s]+)+$/, 'the path of a device like /dev/fuse');
const device = text(
  'device',
  DEVICE_TEXT,
  'a device like /dev/fuse, or /dev/x:/dev/y:rw for another path and fewer rights',
);
const variable = text('variable', /^[^=\0]+=[^\0]*$/, 'a variable with its value like LANG=C.UTF-8');
const zone = text(
  'time zone',
  /^(local|[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*)$/,
  'local or a time zone like Europe/Berlin',
);

/** A capability in any spelling; the value is its full name. */
const capability: Kind<string> = {
  ...text('capability', /^\S+$/, 'a capability like NET_RAW'),
  parse(raw) {
    const known: readonly string[] = CAPABILITIES;
    if (typeof raw !== 'string' || !known.includes(fullCapabilityName(raw)))
      throw new BadValue(`must be a capability like NET_RAW, got ${JSON.stringify(raw)}`);
    return fullCapabilityName(raw);
  },
};

/** The keys of what every pod gets. */
export const POD_ROWS = {
  unprivileged_ports: key(
    boolean(),
    true,
    'Programs that are not root may listen on ports below 1024, in pods with a network of their own.',
  ),
  unprivileged_ping: key(boolean(), true, 'Programs that are not root may ping, in the same pods.'),
  sysctls: key(
    textMap(sysctlName),
    {},
    "Of pods that have the namespace which a sysctl belongs to for themselves. A pod's own count before these, and these before the two keys above.",
  ),
  pause_cpus: optionalKey(
    cpuList(),
    '0-1',
    "The CPUs that pause processes run on, where a pod has one of davit's. davitd has those of its unit (CPUAffinity=), and davit-pump those of the davitd that started it. Absent: all that the pod may use.",
  ),
} as const satisfies Rows;

/** The keys of what every container gets. */
export const CONTAINER_ROWS = {
  env: key(listOf(variable), [], 'Variables, unless the image or the container sets them.'),
  ulimits: key(
    textMap(ulimitName),
    {},
    'Limits of processes, `soft:hard`, one number for both, or unlimited. Others are those of the shim.',
  ),
  umask: optionalKey(
    text('mode', /^0[0-7]{3}$/, 'four octal digits like 0027'),
    '0027',
    "The mode bits that new files do not get. Absent: the OCI runtime's, 0022. Annotations count before it where the handler lets them through: `davit.umask/CONTAINER`, `davit.umask`.",
  ),
  timezone: optionalKey(
    zone,
    'Europe/Berlin',
    "What is mounted on /etc/localtime: a time zone of the node's, or `local` for the one that the node has. Absent: nothing is.",
  ),
  image_volumes: key(
    oneOf('bind', 'mkdir', 'ignore'),
    'bind',
    'Volumes that an image declares. bind: folders of the node that begin as what the image has there. mkdir: folders of the container itself, made where the image has none. ignore: nothing.',
  ),
  default_capabilities: key(
    listOf(capability),
    DEFAULT_CAPABILITIES,
    'What a container has before it adds and drops capabilities; privileged ones have all. Kubernetes counts on the default ones: images may not run with fewer.',
  ),
  inheritable_capabilities: key(
    boolean(),
    false,
    'What a container is granted is in its inheritable set, too, where programs that are not root get it by the marks of their files: for images that count on it. Off, as everywhere since CVE-2022-24769.',
  ),
  unset_seccomp: key(
    oneOf('unconfined', 'runtime-default'),
    'unconfined',
    "The seccomp profile of containers that ask for none. Kubernetes has them do so by default, unless the kubelet's seccompDefault is on.",
  ),
  tolerate_missing_hugetlb: key(
    boolean(),
    true,
    'Containers run without the limits of huge pages that the node cannot set, which the log tells. Else they are refused.',
  ),
  min_memory: key(
    size({ min: 0, max: TIB }),
    '0B',
    'Containers with a memory limit below this are refused, and so are updates to one. 0B: none is.',
  ),
  privileged_seccomp_profile: key(
    text(
      'unconfined | runtime-default | path',
      /^(unconfined|runtime-default|\/[^\0]+)$/,
      'unconfined, runtime-default or the absolute path of a profile',
    ),
    'unconfined',
    'The seccomp profile of privileged containers that ask for none or for the default: a file is JSON as for Localhost. Whatever else they ask for, they are unconfined.',
  ),
  additional_devices: key(
    listOf(device),
    [],
    "Devices of the node, or folders of them, that every container has, `/dev/x:/dev/y:rwm`: the node's path, the container's if it is another, and what may be done. A device of the request on the same path wins. One that is not there fails creates.",
  ),
  allowed_devices: key(
    listOf(devicePath),
    [],
    "Devices of the node that a pod may have by its annotation `davit.devices` (or `io.kubernetes.cri-o.Devices`), `/dev/x:/dev/y:rwm` with commas between, where the handler's pod_annotations lets that through.",
  ),
  device_ownership: key(
    boolean(),
    false,
    'Devices of the request belong to the user and group that the container runs as, if the request names them.',
  ),
} as const satisfies Rows;

interface UlimitProblem {
  readonly name: string;
  readonly message: string;
}

/** What the names alone do not tell. */
export function checkUlimits({ ulimits }: Pick<ValueOf<typeof CONTAINER_ROWS>, 'ulimits'>): readonly UlimitProblem[] {
  return Object.entries(ulimits)
    .filter(([, value]) => !ULIMIT_VALUE.test(value) || softAboveHard(value))
    .map(([name, value]) => ({
      name,
      message: `must be soft:hard, one number for both, or unlimited, got "${value}"`,
    }));
}

function softAboveHard(value: string): boolean {
  const [soft = 0, hard = soft] = value.split(':').map((part) => (part === 'unlimited' ? Infinity : Number(part)));
  return soft > hard;
}
