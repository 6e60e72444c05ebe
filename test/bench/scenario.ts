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
  /** No round begins when a scenario's rounds have taken so long, but for the first that is recorded. */
  readonly budgetMs: number;
  readonly say: (text: string) => void;
  /** Removes whatever pods a side still has; called after each scenario, also when it failed. */
  readonly cleanUp: (side: Side) => Promise<void>;
}

/**
 * Runs a scenario's rounds on the sides in turn: first one, then the other, then the first again. Returns how many rounds
 * were recorded.
 */
export async function runScenario(
  scenario: Scenario,
  sides: readonly Side[],
  samples: Samples,
  options: RunOptions,
): Promise<number> {
  const clean = (): Promise<void>[] => sides.map((side) => options.cleanUp(side));
  try {
    options.say(scenario.name);
    await Promise.all(sides.map(async (side) => scenario.setUp?.(side)));
    const recorded = await runRounds(scenario, sides, samples, options);
    await Promise.all(clean());
    return recorded;
  } catch (error) {
    // What went wrong first is told, not what follows from it.
    await Promise.allSettled(clean());
    throw error;
  }
}

async function runRounds(
  scenario: Scenario,
  sides: readonly Side[],
  samples: Samples,
  { rounds, budgetMs, say }: RunOptions,
): Promise<number> {
  const end = performance.now() + budgetMs;
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    if (round > 0 && performance.now() > end) return round;
    say(`${scenario.name}: ${round < 0 ? 'warm-up' : `round ${round + 1} of ${rounds}`}`);
    for (const side of sides) {
      await scenario.round(side, round < 0 ? () => undefined : samples.recorder(side.name, round));
    }
  }
  return rounds;
}
