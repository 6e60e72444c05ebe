import type { ImageRequest } from './image.ts';
import type { DeviceSpec, MountSpec } from './mount.ts';
import type { LinuxResources } from './resources.ts';
import type { ContainerSecurity } from './security.ts';
import type { StringMap } from './string-map.ts';
import type { WindowsContainer } from './windows.ts';

export interface ContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}

export interface ContainerSpec {
  readonly metadata: ContainerMetadata;
  readonly image: ImageRequest;
  /** Replaces the image's entrypoint; empty: the image's own. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir?: string;
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly mounts: readonly MountSpec[];
  readonly devices: readonly DeviceSpec[];
  readonly labels: StringMap;
  readonly annotations: StringMap;
  /** Relative to the sandbox's log directory, already checked to stay in it; absent: output is dropped. */
  readonly logPath?: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  /** A signal's name without "SIG" or with it, from the request; absent: the image's, else SIGTERM. */
  readonly stopSignal?: string;
  readonly security: ContainerSecurity;
  readonly resources: LinuxResources;
  /** There exactly where the pod's handler is for Windows; security and resources then say nothing. */
  readonly windows?: WindowsContainer;
}
