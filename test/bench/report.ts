import type { MeasureKey, MeasureSpec, Unit } from './measures.ts';
import { MEASURES } from './measures.ts';
import type { Samples } from './samples.ts';
import { median } from './samples.ts';
import type { SideName } from './side.ts';

/** One line of the result. Figures are medians over rounds. */
export interface Measure {
  readonly name: string;
  readonly unit: Unit;
  readonly davit: number;
  readonly peer: number;
  /** How long davit takes / how long the peer takes: davit / peer of times, peer / davit of throughput. */
  readonly ratio: number;
  readonly goal: number;
  /** The ratio is not above the goal, nor davit's figure above what it may be at most. */
  readonly holds: boolean;
  /** The least and the largest round of each side. */
  readonly spread: { readonly [side in SideName]: readonly [number, number] };
}

/** What the samples say of the measures that were asked for and are not left out. */
export function summarise(samples: Samples, wanted: ReadonlySet<MeasureKey>): readonly Measure[] {
  const keys = [...MEASURES.keys()].filter((key) => wanted.has(key) && samples.leftOut(key) === undefined);
  return keys.map((key) => {
    const { name, unit, goal, most = Infinity }: MeasureSpec = MEASURES.get(key) ?? { name: key, unit: 'ms', goal: 1 };
    const davit = samples.medians(key, 'davit');
    const peer = samples.medians(key, 'peer');
    if (davit.length === 0 || peer.length === 0) throw new Error(`${name} was not measured on both sides`);
    const ratio = rounded(unit === 'ms' ? median(davit) / median(peer) : median(peer) / median(davit));
    return {
      name,
      unit,
      davit: rounded(median(davit)),
      peer: rounded(median(peer)),
      ratio,
      goal,
      holds: ratio <= goal && median(davit) <= most,
      spread: { davit: spread(davit), peer: spread(peer) },
    };
  });
}

/** The measures as a table to read, a line each. */
export function table(measures: readonly Measure[]): string {
  const head = ['measure', 'unit', 'davit', 'spread', 'peer', 'spread', 'ratio', 'goal', 'holds'];
  const rows = measures.map((measure) => [
    measure.name,
    measure.unit,
    shown(measure.davit),
    measure.spread.davit.map(shown).join('–'),
    shown(measure.peer),
    measure.spread.peer.map(shown).join('–'),
    measure.ratio.toFixed(2),
    measure.goal.toFixed(2),
    measure.holds ? 'yes' : 'NO',
  ]);
  const lines = [head, ...rows];
  const widths = head.map((_title, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) => line.map((cell, column) => pad(cell, column, widths[column] ?? 0)).join('  ')).join('\n');
}

function pad(cell: string, column: number, width: number): string {
  return column <= 1 ? cell.padEnd(width) : cell.padStart(width);
}

function spread(rounds: readonly number[]): readonly [number, number] {
  return [rounded(Math.min(...rounds)), rounded(Math.max(...rounds))];
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Three digits are more than two runs have in common. */
function shown(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(1);
}
