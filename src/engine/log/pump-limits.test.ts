import { statSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePump, isAlive, MAX_LINE_BYTES, PumpFixture, soon, until } from './pump-fixture.ts';

const SLOW_MS = 120_000;
const BLOCK_BYTES = 512;
const MIB = 1024 * 1024;

let pump: string;

beforeAll(async () => {
  pump = await bundlePump('limits');
});

afterAll(async () => await rm(pump));

/** What a container's journal takes of the memory. */
function journalBytes(node: PumpFixture, id: string): number {
  return statSync(join(node.state, `pump/streams/${id}/stdout.journal`)).blocks * BLOCK_BYTES;
}

/** davitd and its pump end at the same moment. */
async function killBoth(node: PumpFixture): Promise<void> {
  const pid = await node.pumpPid();
  await node.service.close();
  process.kill(pid, 'SIGKILL');
  await until(async () => (isAlive(pid) ? undefined : true));
}

describe('a line that never ends', { timeout: SLOW_MS }, () => {
  it('is logged in pieces, and what is logged takes no memory', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const writer = node.write(paths, `head -c 64M /dev/zero | tr '\\0' x >&3; read -r _`);
    const size = 64 * MIB;
    await until(async () => {
      const [held] = await node.service.held(soon());
      return (held?.totals.stdout.bytes ?? 0) >= size - MAX_LINE_BYTES ? true : undefined;
    });
    await until(async () => (journalBytes(node, 'a') <= 2 * MAX_LINE_BYTES ? true : undefined));
    writer.nudge();
    await writer.exited;
    const { stdout } = await node.service.ended('a', soon());
    expect(stdout).toEqual({ bytes: size, lines: size / MAX_LINE_BYTES });
    expect((await readFile(node.logPath('a'), 'latin1')).match(/ stdout F /)).toBeNull();
  });

  it('is found again by the next pump, however much of it came before', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const writer = node.write(paths, `head -c 3000000 /dev/zero | tr '\\0' x >&3; read -r _; echo end >&3`);
    for (let n = 0; n < 5; n++) await node.killPump();
    writer.nudge();
    await writer.exited;
    await node.service.ended('a', soon());
    const { stdout } = await node.written('a');
    expect(stdout === `${'x'.repeat(3_000_000)}end\n`).toBe(true);
  });
});

describe('davitd and its pump that end at once', { timeout: SLOW_MS }, () => {
  it('lose nothing of a container that lives on', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a', { stdin: true });
    const stop = join(node.folder, 'stop');
    const script = `i=0; while ! test -e "$1"; do seq $((i + 1)) $((i + 500)) >&3; i=$((i + 500)); done; echo $i`;
    const writer = node.write(paths, script, stop);
    for (let n = 0; n < 5; n++) {
      await killBoth(node);
      await node.restartService();
    }
    await writeFile(stop, '');
    const last = Number(await writer.exited);
    await node.service.ended('a', soon());
    const lines = (await node.written('a')).stdout.split('\n').slice(0, -1);
    expect(lines.findIndex((line, i) => line !== String(i + 1))).toBe(-1);
    expect(lines).toHaveLength(last);
    expect(await node.service.status(soon())).toMatchObject({ unguardedEnds: 0, lostBytes: 0 });
  });

  it('count the container that ended meanwhile', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    await node.prepare('b');
    await node.write(paths, 'echo before >&3').exited;
    await until(async () => ((await node.writtenSoFar('a')).stdout === 'before\n' ? true : undefined));
    await killBoth(node);
    const alive = node.write(outputsOf(node, 'b'), 'read -r _');
    await node.write(paths, 'echo lost >&3').exited;
    await node.restartService();
    expect(await node.service.status(soon())).toMatchObject({ unguardedEnds: 1 });
    alive.nudge();
    await alive.exited;
    await node.service.ended('a', soon());
    expect((await node.written('a')).stdout).toBe('before\n');
  });
});

function outputsOf(node: PumpFixture, id: string): { stdout: string; stderr: string } {
  const folder = join(node.state, 'io', id);
  return { stdout: join(folder, 'stdout'), stderr: join(folder, 'stderr') };
}

describe('a pump whose saved progress is damaged', { timeout: SLOW_MS }, () => {
  it('counts what it gives up, and goes on', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const writer = node.write(paths, 'printf unfinished >&3; read -r _; printf "next line\\n" >&3');
    const journal = join(node.state, 'pump/streams/a/stdout.journal');
    await until(async () => (statSync(journal).size > 0 ? true : undefined));
    await writeFile(join(node.state, 'pump/streams/a/progress'), 'x');
    await node.killPump();
    expect((await node.service.status(soon())).lostBytes).toBe('unfinished'.length);
    writer.nudge();
    await writer.exited;
    await node.service.ended('a', soon());
    expect((await node.written('a')).stdout).toBe('next line\n');
  });
});
