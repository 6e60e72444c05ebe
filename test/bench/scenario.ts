import type { MeasureKey } from './measures.ts';
import type { RecordTime, Samples } from './samples.ts';
import type { Side } from './side.ts';

/** Something that is done on both sides, round by round, and yields measures. */
export interface Scenario {
  readonly name: string;
  readonly measures: readonly MeasureKey[];
  /** Makes, on one side, what its rounds look at. */
  setUp?(side: Side): Promise<void>;
  /** One side's part of a round; leaves the side as it was. */
  round(side: Side, record: RecordTime): Promise<void>;
}

/** The first round of each scenario is not recorded: caches, first use of an image, compilers. */
const WARM_UP_ROUNDS = 1;

export interface RunOptions {
  readonly rounds: number;
  readonly say: (text: string) => void;
  /** Removes whatever pods a side still has; called after each scenario, also when it failed. */
  readonly cleanUp: (side: Side) => Promise<void>;
}

/** Runs a scenario's rounds on the sides in turn: first one, then the other, then the first again. */
export async function runScenario(
  scenario: Scenario,
  sides: readonly Side[],
  samples: Samples,
  options: RunOptions,
): Promise<void> {
  const { rounds, say, cleanUp } = options;
  try {
    if (scenario.setUp !== undefined) {
      say(`${scenario.name}: setting up`);
      for (const side of sides) await scenario.setUp(side);
    }
    for (let round = 0; round < WARM_UP_ROUNDS + rounds; round += 1) {
      const recorded = round - WARM_UP_ROUNDS;
      say(`${scenario.name}: ${recorded < 0 ? 'warm-up' : `round ${recorded + 1} of ${rounds}`}`);
      for (const side of sides) {
        await scenario.round(side, recorded < 0 ? () => undefined : samples.recorder(side.name, recorded));
      }
    }
  } finally {
    await Promise.all(sides.map((side) => cleanUp(side)));
  }
}
