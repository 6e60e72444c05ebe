/** Where the shim of a task listens, and which version of the task API it speaks. */
export interface ShimAddress {
  /** Absolute path of its socket. */
  readonly path: string;
  readonly version: 2 | 3;
}
