import type { MeasureKey } from './measures.ts';
import type { SideName } from './side.ts';

/** Takes one figure that was measured, in the measure's unit. */
export type RecordTime = (key: MeasureKey, value: number) => void;

/** The figures of a run, by measure, side and round; and which measures could not be had. */
export class Samples {
  readonly #rounds = new Map<string, number[]>();
  readonly #left = new Map<MeasureKey, string>();

  /** Where the times of one side's round go. */
  recorder(side: SideName, round: number): RecordTime {
    return (key, ms) => {
      const place = `${key} ${side} ${round}`;
      const times = this.#rounds.get(place);
      if (times === undefined) this.#rounds.set(place, [ms]);
      else times.push(ms);
    };
  }

  /** The median of each of a side's rounds. */
  medians(key: MeasureKey, side: SideName): readonly number[] {
    const places = [...this.#rounds.keys()].filter((place) => place.startsWith(`${key} ${side} `));
    return places.map((place) => median(this.#rounds.get(place) ?? []));
  }

  /** The measure is left out, whatever was recorded for it. */
  leaveOut(key: MeasureKey, reason: string): void {
    this.#left.set(key, reason);
  }

  leftOut(key: MeasureKey): string | undefined {
    return this.#left.get(key);
  }
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
