import { handled, harmless, nested, refused } from './field-rule.ts';
import type { FieldRules } from './field-rule.ts';

const IMAGE_HANDLER = refused('images are not kept apart by runtime handler');

/** An image that a request names. */
export const IMAGE: FieldRules = {
  image: handled,
  annotations: harmless('hints without a defined meaning'),
  user_specified_image: harmless('the image is found by the field image'),
  runtime_handler: IMAGE_HANDLER,
  image_ref: harmless('only image volumes have one'),
};

export const RESOURCES: FieldRules = {
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

export const SANDBOX_METADATA: FieldRules = { name: handled, uid: handled, namespace: handled, attempt: handled };

export const RUN_AS: FieldRules = { value: handled };

/** What is for Windows, asked of a pod for Linux. */
export const WINDOWS = refused('the handler of the pod is for Linux');

/** What is for Linux, asked of a pod for Windows. */
export const LINUX = refused('the handler of the pod is for Windows');

export const SELINUX = nested({ user: handled, role: handled, type: handled, level: handled });

export const ID_MAPPING: FieldRules = { host_id: handled, container_id: handled, length: handled };

export const USERNS = nested({ mode: handled, uids: nested(ID_MAPPING), gids: nested(ID_MAPPING) });

export const PROFILE: FieldRules = { profile_type: handled, localhost_ref: handled };

export const WINDOWS_RESOURCES: FieldRules = {
  cpu_shares: handled,
  cpu_count: handled,
  cpu_maximum: handled,
  memory_limit_in_bytes: handled,
  rootfs_size_in_bytes: handled,
  affinity_cpus: nested({ cpu_mask: handled, cpu_group: handled }),
};

export const WINDOWS_SECURITY: FieldRules = {
  run_as_username: handled,
  credential_spec: handled,
  host_process: handled,
};
