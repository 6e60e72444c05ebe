/**
 * Drives hack/soak: churns pods on a node that is up, kills its daemons and shims at random, and after each round looks for
 * anything left behind or growing. Exits 1 when there is something. Without --json its figures go to stdout.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { CriClient } from '../bench/cri-client.ts';
import { randomOf } from '../e2e/support/random.ts';
import { chaos, KILLS, type ChaosDeps, type Kill } from './chaos.ts';
import { churn, type ChurnDeps } from './churn.ts';
import { NodeDaemon, usageOf, type Usage } from './daemons.ts';
import { added, footprint, type Place } from './footprint.ts';

const IMAGE = 'registry.k8s.io/e2e-test-images/busybox:1.29-2';
const WORKERS = 4;
const ROUND_MS = 20_000;
const REMOVAL_DEADLINE_MS = 180_000;
/** More than a look of the reconciler and its grace, which hack/soak shortens. */
const SETTLE_DEADLINE_MS = 60_000;
const POLL_INTERVAL_MS = 500;
const MINUTE_MS = 60_000;

type Watched = 'davitd' | 'pump' | 'containerd';
/** What each may have more than after the first round, which nothing disturbed. */
const GROWTH: Readonly<Record<Watched, Pick<Usage, 'rssMiB' | 'fds'>>> = {
  davitd: { rssMiB: 100, fds: 20 },
  pump: { rssMiB: 40, fds: 8 },
  containerd: { rssMiB: 150, fds: 40 },
};

interface Round {
  readonly round: number;
  readonly seconds: number;
  readonly left: readonly string[];
  readonly grown: readonly string[];
  readonly usage: Readonly<Record<Watched, Usage>>;
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'string' },
    kills: { type: 'string', default: KILLS.join(',') },
    node: { type: 'string' },
    socket: { type: 'string' },
    check: { type: 'boolean', default: false },
  },
});
const options = readOptions();
if (!values.check) process.exitCode = (await soak(options)) ? 0 : 1;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly kills: readonly Kill[];
  readonly node: string;
  readonly socket: string;
}

function readOptions(): Options {
  const minutes = Number(values.minutes);
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const kills = values.kills.split(',').filter((kill) => kill !== '' && kill !== 'none');
  const unknown = kills.find((kill) => !KILLS.some((known) => known === kill));
  const problems = [
    minutes > 0 ? undefined : `MINUTES is a number above 0, not ${values.minutes}`,
    Number.isSafeInteger(seed) && seed >= 0 ? undefined : `--seed is a whole number, not ${values.seed}`,
    unknown === undefined ? undefined : `--kills knows ${KILLS.join(', ')} and none, not ${unknown}`,
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) {
    console.error(`soak: ${problems.join('; ')}`);
    process.exit(2);
  }
  return {
    minutes,
    seed,
    kills: KILLS.filter((kill) => kills.includes(kill)),
    node: values.node ?? '',
    socket: values.socket ?? '',
  };
}

/** True when nothing was left behind and nothing grew. */
async function soak({ minutes, seed, kills, node, socket }: Options): Promise<boolean> {
  say(`seed ${seed}, ${minutes} min, kills: ${kills.length === 0 ? 'none' : kills.join(', ')}`);
  const run = `/run/davit-${node}`;
  const lib = `/var/lib/davit-${node}`;
  using cri = new CriClient(socket);
  const place = placeOf(node, run, lib);
  const logs = join(run, 'pods');
  mkdirSync(logs, { recursive: true });
  await cri.call('PullImage', { image: { image: IMAGE } });
  const churnDeps: ChurnDeps = {
    cri,
    image: IMAGE,
    logs,
    cgroupParent: place.cgroupParent,
    counts: { pods: 0, containers: 0, execs: 0, errors: {}, samples: {} },
  };
  const davitd = new NodeDaemon('davitd', join(run, 'davitd.pid'), join(run, 'log/davitd.log'));
  const containerd = new NodeDaemon(
    'containerd',
    join(run, 'containerd/containerd.pid'),
    join(run, 'log/containerd.log'),
  );
  const pumpLock = join(run, 'davit/pump/lock');
  const counts: Record<Kill, number> = { davitd: 0, pump: 0, containerd: 0, shim: 0 };
  const chaosDeps: ChaosDeps = {
    random: randomOf(seed),
    kills,
    counts,
    davitd,
    containerd,
    pumpLock,
    shims: async () => pidsOf(await footprint(place)),
    answers: async (name) => await answers(name, cri, place),
    say,
  };
  const usage = (): Record<Watched, Usage> => ({
    davitd: usageOf(davitd.pid),
    pump: usageOf(Number(readFileSync(pumpLock, 'utf8'))),
    containerd: usageOf(containerd.pid),
  });
  // The first round, undisturbed, is what the others are measured by.
  await oneRound(churnDeps, { ...chaosDeps, kills: [] }, seed, 'warm');
  await removePods(cri);
  const clean = await footprint(place);
  const base = usage();
  say(`after a round that nothing disturbed: ${describe(base)}`);
  const rounds: Round[] = [];
  const end = Date.now() + minutes * MINUTE_MS;
  while (Date.now() < end || rounds.length === 0) {
    const began = Date.now();
    await oneRound(churnDeps, chaosDeps, seed + rounds.length + 1, `r${rounds.length}`);
    await removePods(cri);
    const left = await leftAfter(clean, place);
    const now = usage();
    const round = {
      round: rounds.length + 1,
      seconds: Math.round((Date.now() - began) / 1000),
      left,
      grown: grown(base, now),
      usage: now,
    };
    rounds.push(round);
    say(`round ${round.round}, ${round.seconds} s: ${describe(now)}; kills ${JSON.stringify(counts)}`);
    for (const line of [...round.left, ...round.grown]) say(`  LEFT OR GROWN: ${line}`);
  }
  const report = { seed, minutes, kills: counts, churn: churnDeps.counts, base, rounds };
  if (values.json === undefined) console.log(JSON.stringify(report, undefined, 2));
  else writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  const bad = rounds.filter((round) => round.left.length + round.grown.length > 0).length;
  say(
    `${rounds.length} rounds, ${churnDeps.counts.pods} pods, ${bad} rounds with something left or grown (seed ${seed})`,
  );
  return bad === 0;
}

async function oneRound(churnDeps: ChurnDeps, chaosDeps: ChaosDeps, seed: number, name: string): Promise<void> {
  const stop = AbortSignal.timeout(ROUND_MS);
  const workers = Array.from({ length: WORKERS }, (_, n) => churn(churnDeps, seed * WORKERS + n, `${name}-${n}`, stop));
  await Promise.all([...workers, chaos(chaosDeps, stop)]);
}

/** As the kubelet would: asks again until nothing is left. */
async function removePods(cri: CriClient): Promise<void> {
  const deadline = Date.now() + REMOVAL_DEADLINE_MS;
  for (let problem = ''; ; await sleep(POLL_INTERVAL_MS)) {
    try {
      const { items } = await cri.call<{ items: { id: string }[] }>('ListPodSandbox', {});
      if (items.length === 0) return;
      for (const { id } of items) await cri.call('RemovePodSandbox', { podSandboxId: id });
    } catch (error) {
      problem = String(error);
    }
    if (Date.now() > deadline) throw new Error(`pods cannot be removed: ${problem}`);
  }
}

/** What goes by itself in time, and by the reconciler's work, is not left. */
async function leftAfter(clean: readonly string[], place: Place): Promise<readonly string[]> {
  for (const deadline = Date.now() + SETTLE_DEADLINE_MS; ; await sleep(POLL_INTERVAL_MS)) {
    const more = added(clean, await footprint(place));
    if (more.length === 0 || Date.now() > deadline) return more;
  }
}

function grown(base: Record<Watched, Usage>, now: Record<Watched, Usage>): readonly string[] {
  return (Object.keys(GROWTH) as Watched[]).flatMap((name) =>
    (['rssMiB', 'fds'] as const)
      .filter((figure) => now[name][figure] > base[name][figure] + GROWTH[name][figure])
      .map((figure) => `${name}'s ${figure}: ${base[name][figure]} → ${now[name][figure]}`),
  );
}

async function answers(name: 'davitd' | 'containerd', cri: CriClient, { containerd, env }: Place): Promise<boolean> {
  try {
    // A list waits until davitd has restored what it knows.
    if (name === 'davitd') await cri.call('ListPodSandbox', {});
    else await promisify(execFile)('ctr', ['--address', containerd.address, 'version'], { env });
    return true;
  } catch {
    return false;
  }
}

function pidsOf(lines: readonly string[]): readonly number[] {
  return lines.filter((line) => line.startsWith('shim ')).map((line) => Number(line.slice('shim '.length)));
}

function placeOf(node: string, run: string, lib: string): Place {
  const bridge = `dvt-${node.slice(0, 11)}`;
  return {
    state: join(run, 'davit'),
    root: join(lib, 'davit'),
    mounts: [join(run, 'davit')],
    bridge,
    addresses: join(lib, 'cni', bridge),
    cgroupParent: `/soak-${node}`,
    containerd: { address: join(run, 'containerd/containerd.sock'), namespace: 'davit' },
    env: process.env,
  };
}

function describe(usage: Readonly<Record<Watched, Usage>>): string {
  return Object.entries(usage)
    .map(([name, { rssMiB, fds }]) => `${name} ${rssMiB} MiB ${fds} fds`)
    .join(', ');
}

function say(text: string): void {
  console.error(`==> ${text}`);
}
