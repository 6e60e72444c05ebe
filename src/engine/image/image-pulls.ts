import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { credentialsHash } from './credentials.ts';
import type { Credentials } from './credentials.ts';
import type { ImageObserver, PullWork } from './image-observer.ts';
import type { Platform } from './platform.ts';
import { PullProgress } from './pull-progress.ts';
import { pullImage } from './pull.ts';
import type { PullDeps } from './pull.ts';
import type { Reference } from './reference.ts';
import { SharedWork } from './shared-work.ts';
import type { StoredImage } from './stored-image.ts';

export interface ImagePullsDeps {
  readonly pullDeps: PullDeps;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly reports: Pick<ImageObserver, 'received' | 'pullEnded'> | undefined;
  /** As they are in force. */
  readonly options: () => ImagePullsOptions;
  /** Told when an image has come. */
  readonly pulled: () => void;
  /** Ends all pulls. */
  readonly stop: AbortSignal;
}

export interface ImagePullsOptions {
  readonly progressTimeoutMs: number;
  /** Whether what is no image, but files, is pulled too. */
  readonly artifacts: boolean;
  /** Pulls unpack for the first. */
  readonly snapshotters: readonly [string, ...string[]];
}

interface Begun {
  readonly reference: string;
  readonly key: string;
  readonly startedAtMs: number;
}

/** A pull that takes longer says how far it is, so often. */
const PROGRESS_LOG_INTERVAL_MS = 10_000;

/** The pulls that are under way. Who asks for the same image with the same credentials shares one. */
export class ImagePulls {
  readonly #deps: ImagePullsDeps;
  readonly #shared = new SharedWork<StoredImage>();
  readonly #begun = new Map<PullProgress, Begun>();

  constructor(deps: ImagePullsDeps) {
    this.#deps = deps;
  }

  /** The signal ends this caller's wait, and the pull when nobody waits for it any more. */
  async join(reference: Reference, credentials: Credentials | undefined, signal: AbortSignal): Promise<StoredImage> {
    const [snapshotter] = this.#deps.options().snapshotters;
    const key = [reference.canonical, credentialsHash(credentials), snapshotter].join(' ');
    return await this.#shared.join(key, signal, (ended) =>
      this.#pull(reference, credentials, key, AbortSignal.any([ended, this.#deps.stop])),
    );
  }

  /** The oldest first. */
  work(): readonly PullWork[] {
    return [...this.#begun].map(([progress, { reference, key, startedAtMs }]) => {
      const { silentMs, ...state } = progress.state;
      return {
        reference,
        startedAtMs,
        waiters: this.#shared.waiters(key),
        ...state,
        lastByteAtMs: Math.round(Math.max(startedAtMs, Date.now() - silentMs)),
      };
    });
  }

  /** Resolves when all have ended. */
  abortAll(reason: Error): Promise<void> {
    return this.#shared.abortAll(reason);
  }

  async #pull(
    reference: Reference,
    credentials: Credentials | undefined,
    key: string,
    signal: AbortSignal,
  ): Promise<StoredImage> {
    const { logger, reports, platform, pullDeps, pulled } = this.#deps;
    const { progressTimeoutMs, artifacts, snapshotters } = this.#deps.options();
    const name = reference.canonical;
    const started = performance.now();
    using progress = new PullProgress({
      reference: name,
      timeoutMs: progressTimeoutMs,
      now: () => performance.now(),
      received: (bytes) => reports?.received(bytes),
    });
    this.#begun.set(progress, { reference: name, key, startedAtMs: Date.now() });
    const telling = setInterval(
      () => logger.info({ image: name, at: String(progress) }, 'pulling'),
      PROGRESS_LOG_INTERVAL_MS,
    );
    try {
      const job = { reference, credentials, platform, snapshotter: snapshotters[0], artifacts, progress };
      const image = await pullImage(pullDeps, job, signal);
      const durationMs = performance.now() - started;
      const { id, sizeBytes } = image;
      logger.info({ image: name, id, bytes: sizeBytes, ms: Math.round(durationMs) }, 'image pulled');
      reports?.pullEnded({ reference: name, durationMs, image: { id, sizeBytes } });
      pulled();
      return image;
    } catch (error) {
      logger.warn({ image: name, at: String(progress), error: messageOf(error) }, 'pull failed');
      reports?.pullEnded({ reference: name, durationMs: performance.now() - started, error });
      throw error;
    } finally {
      this.#begun.delete(progress);
      clearInterval(telling);
    }
  }
}
