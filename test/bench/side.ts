import type { CriClient } from './cri-client.ts';

export type SideName = 'davit' | 'peer';

/** One of the two that are compared. */
export interface Side {
  readonly name: SideName;
  readonly client: CriClient;
  /** Path of the socket that it serves at. */
  readonly socket: string;
  /** Parent of this side's pods' cgroups, which whoever started the bench made and removes. */
  readonly cgroupParent: string;
  /** Folder of this side's container logs. */
  readonly logs: string;
  /** The process that serves it; absent: nobody has told. */
  readonly pid?: number;
}
