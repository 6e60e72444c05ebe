import {
  absolutePath,
  boolean,
  duration,
  hostPortOrEmpty,
  integer,
  ipAddress,
  listOf,
  oneOf,
  size,
  socketPathOrAuto,
  subnets,
  text,
  unixSocket,
  unixSocketOrAuto,
} from './kinds.ts';
import { CLASS_ROWS } from './class-rows.ts';
import { checkUlimits, CONTAINER_ROWS, POD_ROWS } from './defaults-rows.ts';
import { checkHandler, HANDLER_ROWS } from './handler-rows.ts';
import { key, namedTables, optionalKey, table, type Rows, type ValueOf } from './node.ts';
import { SECURITY_ROWS } from './security-rows.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
const MIB = 1024 ** 2;

/** A Kubernetes RuntimeClass names its handler by a DNS label; nothing else can ever be asked for. */
const handlerName = text('handler name', /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a DNS label like runc');
const imageReference = text('image', /^\S+$/, 'the name of an image');

/**
 * Every key there is. The parser, the flags, `config default`, the reference in docs/ and the type of the frozen value
 * all come from here: a new key is a new row. Flags are the keys at top level.
 */
export const SCHEMA = {
  listen: key(
    unixSocket(),
    'unix:///run/davit/davit.sock',
    'Where the CRI is served. The socket is made 0660, root:root.',
  ),
  admin_listen: key(
    unixSocketOrAuto(),
    'auto',
    'Where operators ask for events, usage, pulls and dumps, and gRPC for health. The socket is made 0600. `auto`: admin.sock in the state folder.',
  ),
  root: key(absolutePath(), '/var/lib/davit', 'What must outlive a reboot: records, and the state of networks.'),
  state: key(
    absolutePath(),
    '/run/davit',
    'What ends with the boot: sockets, namespaces, journals of output. A tmpfs.',
  ),
  containerd_address: key(
    socketPathOrAuto(),
    'auto',
    "containerd's socket. `auto` decides once and records it: the system's containerd where it is installed as a service or answers, else one that davitd starts and supervises.",
  ),
  containerd_namespace: key(
    text('containerd namespace', /^[A-Za-z0-9]+([-._][A-Za-z0-9]+)*$/, 'letters and digits, with single - . _ between'),
    'davit',
    "containerd's namespace for images, containers and snapshots.",
  ),
  containerd_wait: key(
    duration({ min: 0, max: HOUR }),
    '20s',
    'A call that needs containerd while it is away waits for it, no longer than its own deadline and this. Then it fails as unavailable.',
  ),
  metrics_address: key(
    hostPortOrEmpty(),
    '',
    'Where /metrics is served over HTTP, 127.0.0.1:9477 by convention. Empty: not at all.',
  ),
  cni_conf_dir: key(
    listOf(absolutePath(), ':'),
    ['/etc/cni/net.d'],
    'Folders of CNI configurations, the first valid one by file name serves. An array, or one string with colons.',
  ),
  cni_bin_dir: key(
    listOf(absolutePath(), ':'),
    ['/opt/cni/bin', '/usr/lib/cni'],
    'Folders of CNI plugins, searched in order. An array, or one string with colons.',
  ),
  registry_config_path: key(
    listOf(absolutePath(), ':'),
    ['/etc/davit/certs.d'],
    'Folders of registry hosts, `HOST/hosts.toml` in the format of containerd. An array, or one string with colons.',
  ),
  log_level: key(
    oneOf('trace', 'debug', 'info', 'warn', 'error'),
    'info',
    "The least severe line of davitd's own log.",
  ),
  default_runtime: key(handlerName, 'runc', 'The handler of pods that ask for none.'),
  builtin_network: key(
    boolean(),
    false,
    'Serve pods by a bridge of our own while cni_conf_dir holds no configuration. Off: such pods are refused, and Status says why.',
  ),
  pause: key(
    oneOf('auto', 'always'),
    'auto',
    "Which pods have a pause process: those that share their PIDs, or every pod with a network of its own, so that a kubelet's cAdvisor finds that network.",
  ),
  log: table("Containers' logs.", {
    max_line: key(
      size({ min: 256, max: MIB }),
      '16KiB',
      'Longer lines of output are cut into entries of this size, tagged partial.',
    ),
  }),
  network: table("Pods' networks.", {
    builtin_subnet: key(
      subnets(),
      ['10.77.0.0/16'],
      'Addresses of the built-in network: one subnet, or one of each IP family for dual stack.',
    ),
    cni_timeout: key(
      duration({ min: SECOND, max: HOUR }),
      '1m',
      'A CNI operation that takes longer is killed and counts as failed.',
    ),
    ip_preference: key(
      oneOf('cni', 'ipv4', 'ipv6'),
      'cni',
      "Which of a pod's addresses comes first: that of a family, or the first that the plugins give.",
    ),
    cni_gc: key(
      boolean(),
      false,
      "Use CNI's GC verb, which deletes attachments that davit does not know: only where nothing else uses the network.",
    ),
  }),
  streaming: table(
    'The server of exec, attach and port forward: the kubelet gets its URLs by CRI and connects to it.',
    {
      address: key(
        ipAddress(),
        '127.0.0.1',
        'The IP address that is listened on. One that others can reach wants tls_cert and tls_client_ca.',
      ),
      port: key(integer({ min: 0, max: 65_535 }), 0, 'The port. 0: any that is free.'),
      idle_timeout: key(
        duration({ min: SECOND, max: 7 * DAY }),
        '4h',
        'A session without a byte in either direction for this long is ended.',
      ),
      creation_timeout: key(
        duration({ min: SECOND, max: HOUR }),
        '30s',
        'How long a client that has connected may take to open the streams of what it asked for.',
      ),
      tls_cert: optionalKey(
        absolutePath(),
        '/etc/davit/tls/streaming.crt',
        'Certificate and chain, PEM. Read again when the file changes. Absent: plain HTTP.',
      ),
      tls_key: optionalKey(
        absolutePath(),
        '/etc/davit/tls/streaming.key',
        'The key of tls_cert, PEM. Read again likewise.',
      ),
      tls_client_ca: optionalKey(
        absolutePath(),
        '/etc/davit/tls/clients.crt',
        'Clients must show a certificate that one of these signed, PEM. Read again likewise. Absent: none is asked for.',
      ),
      tls_min_version: key(oneOf('1.2', '1.3'), '1.2', 'The oldest version of TLS that is spoken.'),
    },
  ),
  security: table("The kernel's security modules.", SECURITY_ROWS),
  pods: table('What every pod gets.', POD_ROWS),
  containers: table('What every container gets.', CONTAINER_ROWS),
  classes: table(
    'Classes of resources that annotations put containers into: `blockio.resources.beta.kubernetes.io/pod` and `…/container.NAME` of a pod, `io.kubernetes.cri.blockio-class` of a container, and the same with rdt.',
    CLASS_ROWS,
  ),
  images: table('Images and their transfer.', {
    pinned: key(
      listOf(imageReference),
      [],
      'Images that the kubelet must not collect: names as in a manifest, where `*` stands for anything.',
    ),
    max_concurrent_downloads: key(
      integer({ min: 1, max: 64 }),
      3,
      'How many layers are fetched at once, over all pulls.',
    ),
    progress_timeout: key(
      duration({ min: SECOND, max: DAY }),
      '1m',
      'A transfer without a byte for this long is given up.',
    ),
    artifacts: key(
      boolean(),
      true,
      'OCI artifacts are pulled too: files such as models or profiles, for volumes (`image` in a mount). They cannot be run.',
    ),
  }),
  limits: table('What davitd takes on at once.', {
    concurrent_work: key(
      integer({ min: 1, max: 256 }),
      8,
      'How many calls at once may fork or mount: namespaces, CNI plugins, creates and starts. The others wait.',
    ),
    work_patience: key(
      duration({ min: SECOND, max: HOUR }),
      '30s',
      'Work that takes longer waits for something, such as a shim that hangs: its place is lent to the next.',
    ),
  }),
  reconcile: table('The search for what davit has left behind and no record owns.', {
    interval: key(
      duration({ min: SECOND, max: DAY }),
      '1m',
      'Time from the end of one search to the next. There is one at start, too.',
    ),
    grace: key(
      duration({ min: SECOND, max: DAY }),
      '1m',
      'How old something must be to be removed, unless it is from before the start of davitd.',
    ),
  }),
  handlers: namedTables(
    'A runtime handler, by the name that a RuntimeClass gives.',
    handlerName,
    ['runc'],
    HANDLER_ROWS,
  ),
} as const satisfies Rows;

/** The configuration that davitd runs with: complete, checked, frozen to the bottom. */
export type Config = ValueOf<typeof SCHEMA>;

/** `key` is where it is reported. */
export interface WholeProblem {
  readonly key: readonly string[];
  readonly message: string;
}

/** What one key at a time cannot tell; each problem names the key that it is reported at. */
export function checkWhole(config: Config): readonly WholeProblem[] {
  const problems: WholeProblem[] = [];
  if (config.handlers[config.defaultRuntime] === undefined) {
    const names = Object.keys(config.handlers).join(', ');
    problems.push({ key: ['default_runtime'], message: `names no handler; there are: ${names}` });
  }
  if (config.root === config.state) {
    problems.push({ key: ['state'], message: 'must not be the folder of root: it is emptied by a reboot' });
  }
  const handlers = Object.entries(config.handlers).flatMap(([name, handler]) =>
    checkHandler(handler).map(({ key, message }) => ({ key: ['handlers', name, ...key], message })),
  );
  const ulimits = checkUlimits(config.containers).map(({ name, message }) => ({
    key: ['containers', 'ulimits'],
    message: `${name}: ${message}`,
  }));
  return [...problems, ...checkStreaming(config.streaming), ...ulimits, ...handlers];
}

function checkStreaming({ tlsCert, tlsKey, tlsClientCa }: Config['streaming']): readonly WholeProblem[] {
  const missing: readonly (readonly [string, boolean, string])[] = [
    ['tls_cert', tlsCert !== undefined && tlsKey === undefined, 'needs tls_key'],
    ['tls_key', tlsKey !== undefined && tlsCert === undefined, 'needs tls_cert'],
    [
      'tls_client_ca',
      tlsClientCa !== undefined && tlsCert === undefined,
      'needs tls_cert: without TLS no client shows a certificate',
    ],
  ];
  return missing.filter(([, isMissing]) => isMissing).map(([key, , message]) => ({ key: ['streaming', key], message }));
}
