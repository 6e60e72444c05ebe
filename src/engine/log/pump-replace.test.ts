import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchPump } from './launcher.ts';
import { bundlePump, isAlive, PumpFixture, soon, until } from './pump-fixture.ts';

const SLOW_MS = 120_000;
const UPGRADES = 6;
/** Writes its numbers in order until the file $1 is there; its own stdout is the last number. */
const NUMBERED = `i=0; while ! test -e "$1"; do
  seq $((i + 1)) $((i + 2000)) >&3; i=$((i + 2000)); done; echo $i`;

let pump: string;
const made: string[] = [];

beforeAll(async () => {
  pump = await bundlePump('replace');
  made.push(pump);
});

afterAll(async () => {
  for (const path of made) await rm(path);
});

/** The pump's program with something changed in it. */
async function variant(name: string, change: (source: string) => string): Promise<string> {
  const path = pump.replace(/\.mjs$/, `-${name}.mjs`);
  const source = await readFile(pump, 'utf8');
  const changed = change(source);
  if (changed === source) throw new Error(`nothing was changed for ${name}`);
  await writeFile(path, changed);
  made.push(path);
  return path;
}

const otherBuild = (name: string): Promise<string> => variant(name, (source) => `${source}\n// ${name}\n`);

describe('a davitd with another pump program', { timeout: SLOW_MS }, () => {
  it('replaces the running pump while containers write: no line is lost, none doubled', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const stop = join(node.folder, 'stop');
    const writer = node.write(paths, NUMBERED, stop);
    const builds = [await otherBuild('even'), await otherBuild('odd')];
    const pids = new Set([await node.pumpPid()]);
    for (let n = 0; n < UPGRADES; n++) {
      await node.restartService({ entry: builds[n % 2] ?? '' });
      pids.add(await node.pumpPid());
    }
    expect(pids.size).toBe(UPGRADES + 1);
    await writeFile(stop, '');
    const last = Number(await writer.exited);
    const totals = await node.service.ended('a', soon());
    const lines = (await node.written('a')).stdout.split('\n').slice(0, -1);
    expect(lines.findIndex((line, i) => line !== String(i + 1))).toBe(-1);
    expect([lines.length, totals.stdout.lines]).toEqual([last, last]);
    for (const pid of [...pids].slice(0, -1)) expect(isAlive(pid)).toBe(false);
  });

  it('keeps the stdin of containers open meanwhile', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true });
    const writer = node.write(paths, `exec 5<"$1"; cat <&5; echo over`, paths.stdin ?? '');
    await node.restartService({ entry: await otherBuild('stdin') });
    await writeFile(paths.stdin ?? '', 'after the upgrade\n', { flag: 'a' });
    await using attachment = await node.service.attach('a', { stdin: true, stdout: false, stderr: false }, soon());
    attachment.stdin?.end('and attached\n');
    expect(await attachment.ended).toBe('detached');
    await node.service.release('a'); // lets go of stdin
    expect(await writer.exited).toBe('after the upgrade\nand attached\nover');
  });

  it('replaces a pump whose protocol it does not speak', async () => {
    const foreign = await variant('foreign', (source) =>
      source.replace(/PROTOCOL_VERSION = \d+/, 'PROTOCOL_VERSION = 0'),
    );
    let before = 0;
    const beforeStart = async ({ state }: PumpFixture): Promise<void> => {
      before = launchPump({ entry: foreign, state, version: '0.0.0', cgroup: 'inherit' }).pid ?? 0;
      await until(async () => (existsSync(join(state, 'pump/pump.sock')) ? true : undefined));
    };
    await using node = await PumpFixture.start(pump, { beforeStart });
    expect(await node.pumpPid()).not.toBe(before);
    expect(isAlive(before)).toBe(false);
  });

  it('leaves a newer pump alone', async () => {
    await using node = await PumpFixture.start(pump);
    await node.restartService({ entry: await otherBuild('newer'), version: '3.0.0' });
    const newer = await node.pumpPid();
    await node.restartService({ entry: pump, version: '2.9.9' });
    expect(await node.pumpPid()).toBe(newer);
    expect((await node.service.status(soon())).version).toBe('3.0.0');
  });

  it('goes on with the running pump where its own does not start', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const before = await node.pumpPid();
    await node.restartService({ entry: await variant('broken', () => 'throw new Error("no good");\n') });
    expect(await node.pumpPid()).toBe(before);
    expect(node.logger.lines.join('\n')).toMatch(/could not be replaced.*ended with exit code 1/);
    await node.write(paths, 'echo x >&3').exited;
    await node.service.ended('a', soon());
    expect((await node.written('a')).stdout).toBe('x\n');
    await node.restartService({ entry: pump });
  });

  it('kills one that does not make way', async () => {
    const deaf = await variant('deaf', (source) =>
      source.replace('process.on(signal, stop)', 'process.on(signal, () => 0)'),
    );
    await using node = await PumpFixture.start(deaf);
    const before = await node.pumpPid();
    expect(isAlive(before)).toBe(true);
    await node.restartService({ entry: pump });
    expect(await node.pumpPid()).not.toBe(before);
  });
});
