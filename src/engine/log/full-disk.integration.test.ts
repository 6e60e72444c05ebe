import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePump, PumpFixture, soon, until } from './pump-fixture.ts';

const SLOW_MS = 120_000;
const LINES = 300_000;
const EXPECTED = Array.from({ length: LINES }, (_, i) => `${i + 1}\n`).join('');

let pump: string;

beforeAll(async () => {
  pump = await bundlePump('full-disk');
});

afterAll(async () => await rm(pump));

interface SmallDisk extends AsyncDisposable {
  readonly path: string;
}

/** A file system that is full soon. */
async function mountSmall(path: string, size: string): Promise<SmallDisk> {
  await mkdir(path, { recursive: true, mode: 0o755 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'davit-test', path]);
  return { path, [Symbol.asyncDispose]: async () => void execFileSync('umount', ['-l', path]) };
}

async function stalled(node: PumpFixture): Promise<string> {
  return await until(
    async () => (await node.service.held(soon())).find(({ problem }) => problem !== undefined)?.problem,
  );
}

describe('a full disk', { timeout: SLOW_MS }, () => {
  it('of the log keeps the container waiting until there is room again, also over a kill of the pump', async () => {
    await using node = await PumpFixture.start(pump);
    await using disk = await mountSmall(join(node.folder, 'logs'), '4m');
    const paths = await node.prepare('a');
    const writer = node.write(paths, `seq 1 ${LINES} >&3`);
    expect(await stalled(node)).toMatch(/ENOSPC.*a\.log/);
    await node.killPump();
    expect(await stalled(node)).toMatch(/ENOSPC.*a\.log/);
    execFileSync('mount', ['-o', 'remount,size=64m', disk.path]);
    await writer.exited;
    expect(await node.service.ended('a', soon())).toMatchObject({ stdout: { lines: LINES }, lostBytes: 0 });
    expect((await node.written('a')).stdout === EXPECTED).toBe(true);
  });

  it('of the journals slows the container down and loses nothing', async () => {
    const disks: SmallDisk[] = [];
    const beforeStart = async ({ state }: PumpFixture): Promise<void> => {
      disks.push(await mountSmall(join(state, 'pump/streams'), '256k'));
    };
    await using node = await PumpFixture.start(pump, { beforeStart });
    await using disk = disks[0];
    const paths = await node.prepare('a');
    const filler = join(disk?.path ?? '', '.filler');
    const writer = node.write(paths, `seq 1 ${LINES / 2} >&3; read -r _; seq ${LINES / 2 + 1} ${LINES} >&3`);
    await until(async () => ((await node.writtenSoFar('a')).stdout.endsWith(`\n${LINES / 2}\n`) ? true : undefined));
    // Somebody else takes all of the room.
    await writeFile(filler, Buffer.alloc(1024 * 1024)).catch(() => undefined);
    writer.nudge();
    expect(await stalled(node)).toMatch(/ENOSPC/);
    await rm(filler);
    await writer.exited;
    expect(await node.service.ended('a', soon())).toMatchObject({ stdout: { lines: LINES }, lostBytes: 0 });
    expect((await node.written('a')).stdout === EXPECTED).toBe(true);
  });
});
