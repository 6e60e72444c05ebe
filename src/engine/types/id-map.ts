/** Users and groups of a user namespace: 0 to `length` - 1 in it are the node's from `hostId` on. */
export interface IdMap {
  readonly hostId: number;
  readonly length: number;
}
