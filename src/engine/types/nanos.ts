/** Nanoseconds since the epoch. Strictly increasing for `createdAt` (see clock.ts). */
export type Nanos = bigint;
