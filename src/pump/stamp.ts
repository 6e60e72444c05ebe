import type { Instant } from '../sys/realtime.ts';

const NANOS_PER_SECOND = 1_000_000_000;
const NANOS_DIGITS = 9;
const ISO_SECONDS_LENGTH = 19;
/** `2006-01-02T15:04:05.` stands before the nanoseconds. */
const NANOS_AT = ISO_SECONDS_LENGTH + 1;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
/** A clock that is further back than this was set back; less is what our own steps ran ahead of it. */
const SET_BACK_SECONDS = 1;

/** Length of `2006-01-02T15:04:05.000000000Z`. */
export const STAMP_LENGTH = NANOS_AT + NANOS_DIGITS + 1;

/**
 * The time of the next log line as text, kept in place in `bytes`: every line gets its own, one nanosecond after the last
 * one at least, because some collectors take equal lines of one time for one line. Only a clock that is set back takes it back.
 */
export class Stamp {
  readonly bytes: Buffer;
  readonly #now: () => Instant;
  #seconds = -1;
  #nanos = 0;

  /** Writes into the first STAMP_LENGTH bytes of `bytes`. */
  constructor(bytes: Buffer, now: () => Instant) {
    this.bytes = bytes;
    this.#now = now;
  }

  /** Reads the clock. */
  refresh(): void {
    const now = this.#now();
    const behind = this.#seconds - now.seconds + (this.#nanos - now.nanos) / NANOS_PER_SECOND;
    if (behind >= 0 && behind < SET_BACK_SECONDS) this.step();
    else this.#set(now);
  }

  /** One nanosecond later. */
  step(): void {
    if (this.#nanos + 1 === NANOS_PER_SECOND) return this.#set({ seconds: this.#seconds + 1, nanos: 0 });
    this.#nanos++;
    let at = NANOS_AT + NANOS_DIGITS - 1;
    while (this.bytes[at] === DIGIT_9) this.bytes[at--] = DIGIT_0;
    this.bytes[at] = (this.bytes[at] ?? DIGIT_0) + 1;
  }

  #set(instant: Instant): void {
    const sameSecond = instant.seconds === this.#seconds;
    this.#seconds = instant.seconds;
    this.#nanos = instant.nanos;
    if (!sameSecond) {
      const text = new Date(instant.seconds * 1000).toISOString().slice(0, ISO_SECONDS_LENGTH);
      this.bytes.write(`${text}.`, 0, 'latin1');
    }
    this.bytes.write(`${String(instant.nanos).padStart(NANOS_DIGITS, '0')}Z`, NANOS_AT, 'latin1');
  }
}
