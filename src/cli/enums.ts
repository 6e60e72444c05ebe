import {
  CgroupDriver,
  Container,
  ContainerState,
  ContainerStatus,
  LinuxRuntimeConfiguration,
  Mount,
  MountPropagation,
  NamespaceMode,
  NamespaceOption,
  PodSandbox,
  PodSandboxState,
  PodSandboxStatus,
  PortMapping,
  Protocol,
  SecurityProfile,
  Signal,
  ContainerConfig,
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  SupplementalGroupsPolicy,
  UserNamespace,
} from '../cri/generated/cri.js';

/** An enum as TypeScript makes it: names to numbers and numbers to names. */
export type EnumObject = Readonly<Record<string, string | number>>;

/** The enum fields of the messages that are shown; the generated code does not tell a number from an enum. */
const FIELDS: ReadonlyMap<unknown, Readonly<Record<string, EnumObject>>> = new Map<
  unknown,
  Readonly<Record<string, EnumObject>>
>([
  [PodSandbox, { state: PodSandboxState }],
  [PodSandboxStatus, { state: PodSandboxState }],
  [Container, { state: ContainerState }],
  [ContainerStatus, { state: ContainerState, stopSignal: Signal }],
  [ContainerConfig, { stopSignal: Signal }],
  [NamespaceOption, { network: NamespaceMode, pid: NamespaceMode, ipc: NamespaceMode }],
  [UserNamespace, { mode: NamespaceMode }],
  [PortMapping, { protocol: Protocol }],
  [Mount, { propagation: MountPropagation }],
  [SecurityProfile, { profileType: SecurityProfile.ProfileType }],
  [LinuxSandboxSecurityContext, { supplementalGroupsPolicy: SupplementalGroupsPolicy }],
  [LinuxContainerSecurityContext, { supplementalGroupsPolicy: SupplementalGroupsPolicy }],
  [LinuxRuntimeConfiguration, { cgroupDriver: CgroupDriver }],
]);

/** The enum that the field of this message holds; undefined when it is none. */
export function enumOf(message: object, field: string): EnumObject | undefined {
  return FIELDS.get(message.constructor)?.[field];
}

/** Enum fields of requests that people write, by their name alone: a name has one enum wherever it stands. */
export const REQUEST_ENUMS: ReadonlyMap<string, EnumObject> = new Map(
  [...FIELDS].flatMap(([type, fields]) => (isReply(type) ? [] : Object.entries(fields))),
);

/** `state` is of another enum in each, and no request has it. */
function isReply(type: unknown): boolean {
  return type === PodSandbox || type === PodSandboxStatus || type === Container || type === ContainerStatus;
}
