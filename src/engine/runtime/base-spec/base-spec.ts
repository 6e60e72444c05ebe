import type { OciDevice, OciHooks, OciMount, OciRlimit } from '../spec/oci.ts';
import type { StringMap } from '../../types/index.ts';

/** What a handler's own file adds to the OCI spec of each of its containers. What davit sets itself is not in it. */
export interface BaseSpec {
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly rlimits: readonly OciRlimit[];
  readonly umask?: number;
  /** For destinations at which davit mounts nothing. */
  readonly mounts: readonly OciMount[];
  readonly hooks?: OciHooks;
  readonly annotations: StringMap;
  /** For paths at which a container has no device otherwise; whoever has one may do all with it. */
  readonly devices: readonly OciDevice[];
  readonly rootfsPropagation?: string;
  readonly unified: StringMap;
  /** Parts that are the OCI runtime's business alone, as they stand in the file. */
  readonly process: object;
  readonly linux: object;
  readonly resources: object;
}
