import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePump, isAlive, PumpFixture, soon, until } from './pump-fixture.ts';

const SLOW_MS = 120_000;
const STOPS = 3;
/** At once, and again and again. */
const IMPATIENT = { tickMs: 20, noticeMs: 40, stoppedMs: 100, firstPauseMs: 100, lastPauseMs: 100 };
/** Writes its numbers in order until the file $1 is there; its own stdout is the last number. */
const NUMBERED = `i=0; while ! test -e "$1"; do
  seq $((i + 1)) $((i + 2000)) >&3; i=$((i + 2000)); done; echo $i`;

let pump: string;
/** One whose loop is blocked for good by SIGUSR2. */
let blockable: string;

beforeAll(async () => {
  pump = await bundlePump('hang');
  blockable = pump.replace(/\.mjs$/, '-blockable.mjs');
  const source = await readFile(pump, 'utf8');
  await writeFile(blockable, `${source}\nprocess.on('SIGUSR2', () => { for (;;); });\n`);
});

afterAll(async () => {
  for (const path of [pump, blockable]) await rm(path);
});

async function successorOf(node: PumpFixture, pid: number): Promise<number> {
  // A signal takes a moment: until then the old one may answer.
  const next = await until(async () => {
    const answering = await node.pumpPid();
    return answering === pid ? undefined : answering;
  });
  expect(isAlive(pid)).toBe(false);
  return next;
}

describe('a pump that is stopped', { timeout: SLOW_MS }, () => {
  it('is replaced while a container writes: no line is lost, none doubled', async () => {
    await using node = await PumpFixture.start(pump, { watch: IMPATIENT });
    const paths = await node.prepare('a');
    const stop = join(node.folder, 'stop');
    const writer = node.write(paths, NUMBERED, stop);
    let pid = await node.pumpPid();
    for (let n = 0; n < STOPS; n++) {
      process.kill(pid, 'SIGSTOP');
      pid = await successorOf(node, pid);
    }
    await writeFile(stop, '');
    const last = Number(await writer.exited);
    const totals = await node.service.ended('a', soon());
    const lines = (await node.written('a')).stdout.split('\n').slice(0, -1);
    expect(lines.findIndex((line, i) => line !== String(i + 1))).toBe(-1);
    expect([lines.length, totals.stdout.lines]).toEqual([last, last]);
    expect(node.service.health.replacements).toBeGreaterThanOrEqual(STOPS);
  });

  it('is found, and replaced, by a davitd that starts', async () => {
    await using node = await PumpFixture.start(pump, { watch: IMPATIENT });
    await node.prepare('a');
    const pid = await node.pumpPid();
    await node.service.close();
    process.kill(pid, 'SIGSTOP');
    await node.restartService();
    await successorOf(node, pid);
    expect((await node.service.held(soon())).map(({ containerId }) => containerId)).toEqual(['a']);
  });

  it('is named by what has waited for it, with what the kernel says', async () => {
    await using node = await PumpFixture.start(pump, { watch: { tickMs: 20, noticeMs: 40 } });
    const pid = await node.pumpPid();
    process.kill(pid, 'SIGSTOP');
    const isTold = (): boolean => node.service.health.problem?.includes(`pid ${pid}, state T`) === true;
    await until(async () => (isTold() ? true : undefined));
    const refused = node.service.reopen('a', AbortSignal.timeout(50));
    await expect(refused).rejects.toMatchObject({
      kind: 'deadline-exceeded',
      message: expect.stringMatching(/^new log of container a: no answer from davit-pump: .*state T/),
    });
    process.kill(pid, 'SIGCONT');
    await until(async () => (node.service.health.silentMs === 0 ? true : undefined));
    expect(await node.pumpPid()).toBe(pid);
    expect(node.logger.lines.join('\n')).toContain('davit-pump answers again');
  });
});

describe('a pump whose loop is blocked', { timeout: SLOW_MS }, () => {
  it('is killed, and replaced', async () => {
    await using node = await PumpFixture.start(blockable, { watch: { tickMs: 50, busyMs: 500 } });
    const paths = await node.prepare('a');
    const pid = await node.pumpPid();
    process.kill(pid, 'SIGUSR2');
    const writer = node.write(paths, 'seq 1 100 >&3');
    await successorOf(node, pid);
    await writer.exited;
    expect((await node.service.ended('a', soon())).stdout.lines).toBe(100);
    expect(node.logger.lines.join('\n')).toMatch(/davit-pump hangs .*without looking up/);
  });
});
