import { execFileSync } from 'node:child_process';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePump, PumpFixture, soon, until } from './pump-fixture.ts';

const SLOW_MS = 120_000;
const LINES = 20_000;
/** Many times what a pump that hangs is given here. */
const SILENCE_MS = 2000;
const IMPATIENT = { tickMs: 20, noticeMs: 40, stoppedMs: 100, asleepMs: 200, busyMs: 200 };

let pump: string;

beforeAll(async () => {
  pump = await bundlePump('slow-disk');
});

afterAll(async () => await rm(pump));

interface Disk extends AsyncDisposable {
  /** From now on writes wait. */
  freeze(): void;
  thaw(): void;
}

async function mountDisk(path: string, image: string): Promise<Disk> {
  await writeFile(image, '');
  await truncate(image, 16 * 1024 * 1024);
  execFileSync('mkfs.ext4', ['-q', image]);
  await mkdir(path, { recursive: true, mode: 0o755 });
  execFileSync('mount', ['-o', 'loop', image, path]);
  let isFrozen = false;
  const freeze = (flag: '-f' | '-u'): void => {
    execFileSync('fsfreeze', [flag, path]);
    isFrozen = flag === '-f';
  };
  return {
    freeze: () => freeze('-f'),
    thaw: () => freeze('-u'),
    [Symbol.asyncDispose]: async () => {
      if (isFrozen) freeze('-u');
      execFileSync('umount', ['-l', path]);
    },
  };
}

describe('a disk of logs that does not answer', { timeout: SLOW_MS }, () => {
  it('is waited for: its pump is told, and not replaced; all of the output arrives', async () => {
    await using node = await PumpFixture.start(pump, { watch: IMPATIENT });
    await using disk = await mountDisk(join(node.folder, 'logs'), join(node.folder, 'image'));
    const paths = await node.prepare('a');
    const pid = await node.pumpPid();
    disk.freeze();
    const writer = node.write(paths, `seq 1 ${LINES} >&3`);
    await until(async () => (node.service.health.silentMs > SILENCE_MS ? true : undefined));
    expect(node.service.health).toMatchObject({
      replacements: 0,
      problem: expect.stringMatching(new RegExp(`pid ${pid}, state D, in \\w`)),
    });
    await expect(node.service.held(AbortSignal.timeout(50))).rejects.toThrow(/no answer from davit-pump: .*state D/);
    disk.thaw();
    await writer.exited;
    expect((await node.service.ended('a', soon())).stdout.lines).toBe(LINES);
    expect(await node.pumpPid()).toBe(pid);
  });
});
