import { IMAGE, RESOURCES, SANDBOX_METADATA, WINDOWS_RESOURCES } from './common-fields.ts';
import { CONTAINER_CONFIG } from './container-fields.ts';
import { byPlatform, handled, harmless, nested, refused } from './field-rule.ts';
import type { FieldRules } from './field-rule.ts';
import { SANDBOX_CONFIG } from './sandbox-fields.ts';

/**
 * Every field of every request that is built, by the name of its RPC. fields.test.ts walks proto/cri and fails when one
 * is missing here or has gone there; refuse.ts carries the refusals out. Those of pods and containers are in
 * sandbox-fields.ts and container-fields.ts.
 */

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
