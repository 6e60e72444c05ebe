import { NamespaceMode } from '../generated/cri.js';
import { byPlatform, handled, harmless, nested, refused } from './field-rule.ts';
import type { FieldRules } from './field-rule.ts';

/**
 * Every field of every request that is built, by the name of its RPC. fields.test.ts walks proto/cri and fails when one
 * is missing here or has gone there; refuse.ts carries the refusals out.
 */

const IMAGE_HANDLER = refused('images are not kept apart by runtime handler');

/** An image that a request names. */
const IMAGE: FieldRules = {
  image: handled,
  annotations: harmless('hints without a defined meaning'),
  user_specified_image: harmless('the image is found by the field image'),
  runtime_handler: IMAGE_HANDLER,
  image_ref: harmless('only image volumes have one'),
};

const RESOURCES: FieldRules = {
  cpu_period: handled,
  cpu_quota: handled,
  cpu_shares: handled,
  memory_limit_in_bytes: handled,
  oom_score_adj: handled,
  cpuset_cpus: handled,
  cpuset_mems: handled,
  hugepage_limits: nested({ page_size: handled, limit: handled }),
  unified: handled,
  memory_swap_limit_in_bytes: handled,
};

const SANDBOX_METADATA: FieldRules = { name: handled, uid: handled, namespace: handled, attempt: handled };
const RUN_AS: FieldRules = { value: handled };
const WINDOWS = refused('the handler of the pod is for Linux');
const LINUX = refused('the handler of the pod is for Windows');
const SELINUX = nested({ user: handled, role: handled, type: handled, level: handled });
const ID_MAPPING: FieldRules = { host_id: handled, container_id: handled, length: handled };
const USERNS = nested({ mode: handled, uids: nested(ID_MAPPING), gids: nested(ID_MAPPING) });
const PROFILE: FieldRules = { profile_type: handled, localhost_ref: handled };

const SANDBOX_SECURITY: FieldRules = {
  namespace_options: nested({
    network: handled,
    pid: handled,
    ipc: handled,
    target_id: refused('a sandbox joins no container'),
    userns_options: USERNS,
  }),
  selinux_options: SELINUX,
  run_as_user: nested(RUN_AS),
  run_as_group: nested(RUN_AS),
  readonly_rootfs: handled,
  supplemental_groups: handled,
  supplemental_groups_policy: harmless('no image, and so no /etc/group, stands behind a sandbox'),
  privileged: handled,
  seccomp: nested(PROFILE),
  apparmor: nested(PROFILE),
  seccomp_profile_path: handled,
};

const isNode = (value: unknown): boolean => value === NamespaceMode.NODE;
/** A pod that says NODE, or nothing, has the node's users. */
const isUserNamespace = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'mode' in value && value.mode === NamespaceMode.POD;

/** Kubelets send this with every pod, since not all of it has a place among the fields of Windows. */
const LINUX_OF_WINDOWS_POD: FieldRules = {
  cgroup_parent: harmless('Windows has no cgroups; limits are those of each container'),
  security_context: nested({
    namespace_options: nested({
      network: handled,
      pid: refused('processes of a pod for Windows are its own', isNode),
      ipc: refused('a pod for Windows has an IPC of its own', isNode),
      target_id: refused('a sandbox joins no container'),
      userns_options: refused('Windows has no user namespaces', isUserNamespace),
    }),
    selinux_options: LINUX,
    run_as_user: LINUX,
    run_as_group: LINUX,
    readonly_rootfs: LINUX,
    supplemental_groups: LINUX,
    supplemental_groups_policy: harmless('there are no groups to which it would apply'),
    privileged: refused('Windows has no privileged containers; windows.security_context.host_process is its own'),
    seccomp: LINUX,
    apparmor: LINUX,
    seccomp_profile_path: LINUX,
  }),
  sysctls: LINUX,
  overhead: nested(RESOURCES),
  resources: nested(RESOURCES),
};

const WINDOWS_RESOURCES: FieldRules = {
  cpu_shares: handled,
  cpu_count: handled,
  cpu_maximum: handled,
  memory_limit_in_bytes: handled,
  rootfs_size_in_bytes: handled,
  affinity_cpus: nested({ cpu_mask: handled, cpu_group: handled }),
};

const WINDOWS_SECURITY: FieldRules = { run_as_username: handled, credential_spec: handled, host_process: handled };

const SANDBOX_CONFIG: FieldRules = {
  metadata: nested(SANDBOX_METADATA),
  hostname: handled,
  log_directory: handled,
  dns_config: nested({ servers: handled, searches: handled, options: handled }),
  port_mappings: nested({ protocol: handled, container_port: handled, host_port: handled, host_ip: handled }),
  labels: handled,
  annotations: handled,
  linux: byPlatform({
    linux: nested({
      cgroup_parent: handled,
      security_context: nested(SANDBOX_SECURITY),
      sysctls: handled,
      overhead: nested(RESOURCES),
      resources: nested(RESOURCES),
    }),
    windows: nested(LINUX_OF_WINDOWS_POD),
  }),
  windows: byPlatform({
    linux: WINDOWS,
    windows: nested({
      security_context: nested({ ...WINDOWS_SECURITY, namespace_options: nested({ network: handled }) }),
    }),
  }),
};

const CONTAINER_SECURITY: FieldRules = {
  capabilities: nested({
    add_capabilities: handled,
    drop_capabilities: handled,
    add_ambient_capabilities: handled,
  }),
  privileged: handled,
  namespace_options: nested({
    network: handled,
    pid: handled,
    ipc: handled,
    target_id: handled,
    userns_options: USERNS,
  }),
  selinux_options: SELINUX,
  run_as_user: nested(RUN_AS),
  run_as_group: nested(RUN_AS),
  run_as_username: handled,
  readonly_rootfs: handled,
  supplemental_groups: handled,
  supplemental_groups_policy: handled,
  no_new_privs: handled,
  masked_paths: handled,
  readonly_paths: handled,
  seccomp: nested(PROFILE),
  apparmor: nested(PROFILE),
  apparmor_profile: handled,
  seccomp_profile_path: handled,
};

const MOUNT: FieldRules = {
  container_path: handled,
  host_path: handled,
  readonly: handled,
  selinux_relabel: byPlatform({ linux: handled, windows: harmless('Windows has no labels of SELinux') }),
  propagation: byPlatform({ linux: handled, windows: LINUX }),
  uidMappings: byPlatform({ linux: nested(ID_MAPPING), windows: LINUX }),
  gidMappings: byPlatform({ linux: nested(ID_MAPPING), windows: LINUX }),
  recursive_read_only: byPlatform({ linux: handled, windows: LINUX }),
  image: byPlatform({
    linux: nested({ ...IMAGE, image_ref: harmless('the image is found by the field image') }),
    windows: refused('images are volumes of Linux containers only'),
  }),
  image_sub_path: byPlatform({ linux: handled, windows: LINUX }),
  mount_options: byPlatform({ linux: handled, windows: LINUX }),
};

const CONTAINER_CONFIG: FieldRules = {
  metadata: nested({ name: handled, attempt: handled }),
  image: nested({ ...IMAGE, annotations: handled, user_specified_image: handled }),
  command: handled,
  args: handled,
  working_dir: handled,
  envs: nested({ key: handled, value: handled }),
  mounts: nested(MOUNT),
  devices: nested({ container_path: handled, host_path: handled, permissions: handled }),
  labels: handled,
  annotations: handled,
  log_path: handled,
  stdin: handled,
  stdin_once: handled,
  tty: handled,
  linux: byPlatform({
    linux: nested({ resources: nested(RESOURCES), security_context: nested(CONTAINER_SECURITY) }),
    windows: LINUX,
  }),
  windows: byPlatform({
    linux: WINDOWS,
    windows: nested({ resources: nested(WINDOWS_RESOURCES), security_context: nested(WINDOWS_SECURITY) }),
  }),
  CDI_devices: refused('CDI devices are not carried out'),
  stop_signal: handled,
};

const LOGGED_CONFIG = 'only the name of the pod is read, for the log';

const SANDBOX_ID: FieldRules = { pod_sandbox_id: handled };
const CONTAINER_ID: FieldRules = { container_id: handled };

const STATE = nested({ state: handled });
const SANDBOX_FILTER = nested({ id: handled, state: STATE, label_selector: handled });
const CONTAINER_FILTER = nested({ id: handled, state: STATE, pod_sandbox_id: handled, label_selector: handled });
const SANDBOX_STATS_FILTER = nested({ id: handled, label_selector: handled });
const CONTAINER_STATS_FILTER = nested({ id: handled, pod_sandbox_id: handled, label_selector: handled });

const STREAMS: FieldRules = { tty: handled, stdin: handled, stdout: handled, stderr: handled };

export const FIELDS = {
  Version: { version: harmless('there is one version of the answer') },
  Status: { verbose: handled },
  RuntimeConfig: {},
  UpdateRuntimeConfig: { runtime_config: nested({ network_config: nested({ pod_cidr: handled }) }) },

  RunPodSandbox: { config: nested(SANDBOX_CONFIG), runtime_handler: handled },
  StopPodSandbox: SANDBOX_ID,
  RemovePodSandbox: SANDBOX_ID,
  PodSandboxStatus: { ...SANDBOX_ID, verbose: handled },
  ListPodSandbox: { filter: SANDBOX_FILTER },
  StreamPodSandboxes: { filter: SANDBOX_FILTER },

  CreateContainer: {
    ...SANDBOX_ID,
    config: nested(CONTAINER_CONFIG),
    sandbox_config: harmless('a copy of what RunPodSandbox was given and the sandbox keeps'),
  },
  UpdateContainerResources: {
    ...CONTAINER_ID,
    linux: byPlatform({ linux: nested(RESOURCES), windows: refused('the container is for Windows') }),
    windows: byPlatform({
      linux: refused('the container is for Linux'),
      windows: nested({
        ...WINDOWS_RESOURCES,
        rootfs_size_in_bytes: refused('it is settled when the container is made'),
      }),
    }),
    annotations: harmless('hints without a defined meaning'),
  },
  UpdatePodSandboxResources: { ...SANDBOX_ID, overhead: nested(RESOURCES), resources: nested(RESOURCES) },

  StartContainer: CONTAINER_ID,
  StopContainer: { ...CONTAINER_ID, timeout: handled },
  RemoveContainer: CONTAINER_ID,
  ContainerStatus: { ...CONTAINER_ID, verbose: handled },
  ListContainers: { filter: CONTAINER_FILTER },
  StreamContainers: { filter: CONTAINER_FILTER },
  ReopenContainerLog: CONTAINER_ID,

  ContainerStats: CONTAINER_ID,
  ListContainerStats: { filter: CONTAINER_STATS_FILTER },
  StreamContainerStats: { filter: CONTAINER_STATS_FILTER },
  PodSandboxStats: SANDBOX_ID,
  ListPodSandboxStats: { filter: SANDBOX_STATS_FILTER },
  StreamPodSandboxStats: { filter: SANDBOX_STATS_FILTER },
  ListMetricDescriptors: {},
  ListPodSandboxMetrics: {},
  StreamPodSandboxMetrics: {},
  GetContainerEvents: {},
  ExecSync: { ...CONTAINER_ID, cmd: handled, timeout: handled },
  Exec: { ...CONTAINER_ID, cmd: handled, ...STREAMS },
  Attach: { ...CONTAINER_ID, ...STREAMS },
  PortForward: { ...SANDBOX_ID, port: harmless('the client names each port when it connects') },

  PullImage: {
    image: nested(IMAGE),
    auth: nested({
      username: handled,
      password: handled,
      auth: handled,
      server_address: handled,
      identity_token: handled,
      registry_token: handled,
    }),
    sandbox_config: nested({
      metadata: nested(SANDBOX_METADATA),
      hostname: harmless(LOGGED_CONFIG),
      log_directory: harmless(LOGGED_CONFIG),
      dns_config: harmless(LOGGED_CONFIG),
      port_mappings: harmless(LOGGED_CONFIG),
      labels: harmless(LOGGED_CONFIG),
      annotations: harmless(LOGGED_CONFIG),
      linux: harmless(LOGGED_CONFIG),
      windows: harmless(LOGGED_CONFIG),
    }),
  },
  ListImages: { filter: nested({ image: nested(IMAGE) }) },
  StreamImages: { filter: nested({ image: nested(IMAGE) }) },
  ImageStatus: { image: nested(IMAGE), verbose: handled },
  RemoveImage: { image: nested(IMAGE) },
  ImageFsInfo: {},
} as const satisfies Readonly<Record<string, FieldRules>>;
