import {
  IMAGE,
  ID_MAPPING,
  LINUX,
  PROFILE,
  RESOURCES,
  RUN_AS,
  SELINUX,
  USERNS,
  WINDOWS,
  WINDOWS_RESOURCES,
  WINDOWS_SECURITY,
} from './common-fields.ts';
import { byPlatform, handled, harmless, nested, refused } from './field-rule.ts';
import type { FieldRules } from './field-rule.ts';

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

export const CONTAINER_CONFIG: FieldRules = {
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
