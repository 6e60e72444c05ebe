export interface Condition {
  readonly type: 'RuntimeReady' | 'NetworkReady';
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

/** What the OCI runtime behind a handler and the kernel can do together; false until it is known to be true. */
export interface HandlerFeatures {
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

/** One runtime handler as Status reports it. */
export interface HandlerInfo extends HandlerFeatures {
  /** '' is the default handler's second entry. */
  readonly name: string;
}

export interface NodeStatus {
  readonly conditions: readonly Condition[];
  readonly handlers: readonly HandlerInfo[];
  readonly supplementalGroupsPolicy: boolean;
  /** User namespaces work in the node's network, too. */
  readonly userNamespacesHostNetwork: boolean;
  readonly mountOptions: boolean;
}

export type CgroupDriver = 'systemd' | 'cgroupfs';
