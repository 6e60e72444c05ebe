import { EngineError } from '../errors.ts';

export interface PullProgressOptions {
  /** For messages. */
  readonly reference: string;
  /** How long no byte may come while one is waited for. */
  readonly timeoutMs: number;
  /** Now, in milliseconds that only grow. */
  readonly now: () => number;
  /** Told of bytes as they come from a registry. */
  readonly received?: (bytes: number) => void;
}

/** How far a pull is. */
export interface PullState {
  readonly receivedBytes: number;
  readonly totalBytes?: number;
  readonly doneLayers: number;
  readonly totalLayers?: number;
  /** How long ago the last byte came. */
  readonly silentMs: number;
}

/** How many times the clock is looked at within one timeout. */
const LOOKS_PER_TIMEOUT = 10;

/**
 * How far a pull is, and the watch over it: `signal` aborts with deadline-exceeded when no byte comes for too long. Only
 * time in which the network is waited for counts; unpacking and waiting for a turn do not.
 */
export class PullProgress implements Disposable {
  readonly #options: PullProgressOptions;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Bytes that are here, by blob. */
  readonly #received = new Map<string, number>();
  #totalBytes = 0;
  #totalLayers = 0;
  #doneLayers = 0;
  #waiting = 0;
  #lastByteAt: number;

  constructor(options: PullProgressOptions) {
    this.#options = options;
    this.#lastByteAt = options.now();
    this.#timer = setInterval(() => this.#look(), Math.max(1, options.timeoutMs / LOOKS_PER_TIMEOUT));
    this.#timer.unref();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Says what there is to fetch. */
  expect(layers: number, bytes: number): void {
    this.#totalLayers = layers;
    this.#totalBytes = bytes;
  }

  /** Says that bytes came, and how many of a blob are here. */
  at(digest: string, bytes: number): void {
    this.#received.set(digest, bytes);
    this.#lastByteAt = this.#options.now();
  }

  /** Counts bytes that a registry has just sent. */
  downloaded(bytes: number): void {
    this.#options.received?.(bytes);
  }

  layerDone(digest: string, bytes: number): void {
    this.at(digest, bytes);
    this.#doneLayers++;
  }

  /** Runs something that waits for bytes. */
  async network<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting === 0) this.#lastByteAt = this.#options.now();
    this.#waiting++;
    try {
      return await work();
    } finally {
      this.#waiting--;
    }
  }

  get state(): PullState {
    const known = this.#totalLayers > 0;
    return {
      receivedBytes: this.#receivedBytes(),
      doneLayers: this.#doneLayers,
      silentMs: this.#options.now() - this.#lastByteAt,
      ...(known ? { totalBytes: this.#totalBytes, totalLayers: this.#totalLayers } : {}),
    };
  }

  /** For people: `3.1/8.6 GB, layer 4/9`. */
  toString(): string {
    if (this.#totalLayers === 0) return 'the manifest';
    const layer = Math.min(this.#doneLayers + 1, this.#totalLayers);
    return `${formatBytes(this.#receivedBytes(), this.#totalBytes)}, layer ${layer}/${this.#totalLayers}`;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #receivedBytes(): number {
    return [...this.#received.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #look(): void {
    const silentMs = this.#options.now() - this.#lastByteAt;
    if (this.#waiting === 0 || silentMs < this.#options.timeoutMs) return;
    const { reference } = this.#options;
    const message = `pull of ${reference} stalled at ${this.toString()}, last byte ${formatAge(silentMs)} ago`;
    this.#controller.abort(new EngineError('deadline-exceeded', message));
  }
}

const UNITS: readonly (readonly [string, number])[] = [
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
];

/** Both in the unit of the second. */
function formatBytes(part: number, whole: number): string {
  const [unit, size] = UNITS.find(([, size]) => whole >= size) ?? ['B', 1];
  const digits = size === 1 ? 0 : 1;
  return `${(part / size).toFixed(digits)}/${(whole / size).toFixed(digits)} ${unit}`;
}

function formatAge(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m`;
}
