// main.ts --davit SOCKET --peer SOCKET --logs DIR --cgroups PARENT [--davit-pid PID --peer-pid PID] [--short] [--only NAME] [--json FILE] [--check]
//
// Measures a davitd beside another CRI server in alternating rounds; hack/bench starts both. The servers are the bench's
// alone: at the end it removes every pod that they have. Pods' cgroups go below PARENT/davit and PARENT/peer, logs below
// DIR/davit and DIR/peer. Exit code 0: every goal holds; 3: one does not; 2: wrong arguments; 1: it could not measure.
// With --check it looks at its arguments and does nothing.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CriClient } from './cri-client.ts';
import { environment } from './environment.ts';
import type { MeasureKey } from './measures.ts';
import { LARGE, MEASURES, select } from './measures.ts';
import { IMAGE, removeAllPods } from './pods.ts';
import { summarise, table } from './report.ts';
import { Samples } from './samples.ts';
import { runScenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import type { Side, SideName } from './side.ts';

const LONG = { rounds: 10, pods: 3, reads: 100, large: true, budgetMs: 10 * 60_000 };
/** The budget keeps a run on a busy machine short: at the price of rounds, as the result tells. */
const SHORT = { rounds: 3, pods: 2, reads: 30, large: false, budgetMs: 9_000 };
const WRONG_ARGUMENTS = 2;
const GOAL_MISSED = 3;

interface Options {
  readonly sockets: { readonly [name in SideName]: string };
  readonly pids: { readonly [name in SideName]: string | undefined };
  readonly logs: string;
  readonly cgroups: string;
  readonly short: boolean;
  readonly check: boolean;
  readonly wanted: ReadonlySet<MeasureKey>;
  readonly json: string | undefined;
}

const options = readOptions();
process.exitCode = options === undefined ? WRONG_ARGUMENTS : options.check ? 0 : await main(options);

async function main(options: Options): Promise<number> {
  using davitClient = new CriClient(options.sockets.davit);
  using peerClient = new CriClient(options.sockets.peer);
  const davit = newSide('davit', davitClient, options);
  const peer = newSide('peer', peerClient, options);
  const isLarge = [...options.wanted].every((key) => LARGE.has(key));
  const sizes = options.short ? { ...SHORT, large: isLarge } : LONG;
  const samples = new Samples();
  const before = await environment(davit, peer);
  const rounds: number[] = [];
  for (const side of [davit, peer]) await side.client.call('PullImage', { image: { image: IMAGE } });
  for (const scenario of scenarios(samples, sizes)) {
    if (!scenario.measures.some((key) => options.wanted.has(key))) continue;
    const how = { rounds: sizes.rounds, budgetMs: sizes.budgetMs, say, cleanUp: removeAllPods };
    rounds.push(await runScenario(scenario, [davit, peer], samples, how));
  }
  const counts = { rounds: Math.min(...rounds), podsPerRound: sizes.pods, readsPerRound: sizes.reads };
  const found = { ...before, ...counts };
  const measures = summarise(samples, options.wanted);
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify({ environment: found, measures }, null, 2)}\n`);
  }
  console.log(`${found.davit} beside ${found.peer} (containerd ${found.containerd}, runc ${found.runc})`);
  console.log(`${found.cpus} × ${found.cpu}, load ${found.load.toFixed(1)}, ${found.rounds} rounds\n`);
  console.log(table(measures));
  for (const key of options.wanted) {
    const reason = samples.leftOut(key);
    if (reason !== undefined) console.log(`\n${MEASURES.get(key)?.name} is left out: ${reason}`);
  }
  return measures.every(({ holds }) => holds) ? 0 : GOAL_MISSED;
}

function newSide(name: SideName, client: CriClient, options: Options): Side {
  const pid = options.pids[name];
  const socket = options.sockets[name];
  const side = { name, client, socket, cgroupParent: join(options.cgroups, name), logs: join(options.logs, name) };
  return pid === undefined ? side : { ...side, pid: Number(pid) };
}

/** Undefined when they are wrong, which is told. */
function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        davit: { type: 'string' },
        peer: { type: 'string' },
        logs: { type: 'string' },
        cgroups: { type: 'string' },
        'davit-pid': { type: 'string' },
        'peer-pid': { type: 'string' },
        short: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        json: { type: 'string' },
      },
    });
    const wanted = select(values.only);
    if (wanted.size === 0) {
      const names = [...MEASURES.values()].map(({ name }) => name);
      throw new Error(`no measure is called ${values.only}; there are:\n  ${names.join('\n  ')}`);
    }
    return {
      sockets: { davit: given('davit', values.davit), peer: given('peer', values.peer) },
      pids: { davit: values['davit-pid'], peer: values['peer-pid'] },
      logs: given('logs', values.logs),
      cgroups: given('cgroups', values.cgroups),
      short: values.short,
      check: values.check,
      wanted,
      json: values.json,
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

function given(name: string, value: string | undefined): string {
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}

function say(text: string): void {
  console.error(`==> ${text}`);
}
