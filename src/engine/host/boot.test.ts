import { mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBoot } from './boot.ts';

describe('readBoot()', () => {
  it('reads id and time of the boot', async () => {
    using proc = mkdtempDisposableSync(join(tmpdir(), 'davit-proc-'));
    mkdirSync(join(proc.path, 'sys/kernel/random'), { recursive: true });
    writeFileSync(join(proc.path, 'sys/kernel/random/boot_id'), '5f1b-x\n');
    writeFileSync(join(proc.path, 'stat'), 'cpu  1 2\nbtime 1795310000\nprocesses 7\n');
    expect(await readBoot(proc.path)).toEqual({ id: '5f1b-x', startedAt: 1_795_310_000_000_000_000n });
  });

  it("knows this machine's", async () => {
    const { id, startedAt } = await readBoot();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(startedAt).toBeGreaterThan(0n);
  });
});
