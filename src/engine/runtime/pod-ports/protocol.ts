import type { IpFamily } from '../../../sys/tcp.ts';

/** What a worker thread is told to be when it is to serve these requests. */
export const POD_PORTS_ROLE = 'pod-ports';

/** Asks the thread for a socket that is connecting to a port of the loopback address in a network namespace. */
export interface ConnectRequest {
  readonly id: number;
  /** Path of the namespace. */
  readonly netns: string;
  readonly family: IpFamily;
  readonly port: number;
}

/** `fd` is the main thread's from here on. */
export type ConnectReply =
  | { readonly id: number; readonly fd: number }
  | { readonly id: number; readonly problem: Problem; readonly lost: boolean };

export interface Problem {
  readonly message: string;
  /** The errno's name, where there is one. */
  readonly code?: string;
}
