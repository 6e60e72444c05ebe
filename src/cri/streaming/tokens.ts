import { randomBytes } from 'node:crypto';
import { EngineError } from '../../engine/index.ts';

/** Nobody guesses 192 bits in a minute. */
const TOKEN_BYTES = 24;
const TTL_MS = 60_000;
const MAX_OUTSTANDING = 1_000;

/** Hands out tokens that are each good once, for a minute, for the request they were made for. */
export class Tokens<T> {
  readonly #now: () => number;
  /** In the order of their making, so the first ones expire first. */
  readonly #outstanding = new Map<string, { readonly request: T; readonly expiresAt: number }>();

  /** `now` in milliseconds, of a clock that is never set back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get size(): number {
    return this.#outstanding.size;
  }

  /** Throws resource-exhausted when a thousand wait for their clients. */
  issue(request: T): string {
    this.#dropExpired();
    if (this.#outstanding.size >= MAX_OUTSTANDING) {
      const problem = `${MAX_OUTSTANDING} requests to exec, attach or forward ports wait for their clients to connect`;
      throw new EngineError('resource-exhausted', `streaming server: ${problem}; try again within a minute`);
    }
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    this.#outstanding.set(token, { request, expiresAt: this.#now() + TTL_MS });
    return token;
  }

  /** What the token was made for; undefined when it is unknown, used or too old. */
  redeem(token: string): T | undefined {
    const found = this.#outstanding.get(token);
    this.#outstanding.delete(token);
    return found === undefined || found.expiresAt <= this.#now() ? undefined : found.request;
  }

  #dropExpired(): void {
    const now = this.#now();
    for (const [token, { expiresAt }] of this.#outstanding) {
      if (expiresAt > now) return;
      this.#outstanding.delete(token);
    }
  }
}
