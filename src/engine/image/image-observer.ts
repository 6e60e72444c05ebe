/** A pull that ended. */
export interface PullReport {
  /** The full name. */
  readonly reference: string;
  readonly durationMs: number;
  /** Absent when it failed. */
  readonly image?: { readonly id: string; readonly sizeBytes: number };
  /** Absent when it succeeded. */
  readonly error?: unknown;
}

/** Told of what happens to images. */
export interface ImageObserver {
  /** Bytes of a layer came from a registry. */
  received(bytes: number): void;
  pullEnded(report: PullReport): void;
  removed(image: { readonly id: string; readonly reference: string }): void;
}

/** A pull that is under way. */
export interface PullWork {
  readonly reference: string;
  /** Milliseconds since the epoch, as all of its times. */
  readonly startedAtMs: number;
  /** Calls that wait for it. */
  readonly waiters: number;
  /** Of what the manifest lists, what is here. */
  readonly receivedBytes: number;
  /** Absent until the manifest is here. */
  readonly totalBytes?: number;
  readonly doneLayers: number;
  readonly totalLayers?: number;
  readonly lastByteAtMs: number;
}
