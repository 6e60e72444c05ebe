import { NamespaceMode } from '../generated/cri.js';
import {
  LINUX,
  PROFILE,
  RESOURCES,
  RUN_AS,
  SANDBOX_METADATA,
  SELINUX,
  USERNS,
  WINDOWS,
  WINDOWS_SECURITY,
} from './common-fields.ts';
import { byPlatform, handled, harmless, nested, refused } from './field-rule.ts';
import type { FieldRules } from './field-rule.ts';

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

export const SANDBOX_CONFIG: FieldRules = {
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
