import { mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BootRecord } from './boot-record.ts';

function node() {
  const dir = mkdtempDisposableSync(join(tmpdir(), 'davit-boot-'));
  const warnings: string[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_fields: object, message: string) => void warnings.push(message),
    error: () => undefined,
  };
  return {
    path: join(dir.path, 'boot.json'),
    warnings,
    /** A davitd that starts in this boot. */
    davitd: (bootId: string) => new BootRecord({ root: dir.path, bootId, logger }),
    [Symbol.dispose]: () => dir.remove(),
  };
}

describe('BootRecord', () => {
  it('knows nothing of a first start, and of one in the same boot that nothing happened', async () => {
    using machine = node();
    expect(await machine.davitd('a').begin()).toEqual({ rebooted: false, unclean: false });
    expect(await machine.davitd('a').begin()).toEqual({ rebooted: false, unclean: false });
    expect(machine.warnings).toEqual([]);
  });

  it('tells a restart of the node after a stop from one without', async () => {
    using machine = node();
    const first = machine.davitd('a');
    await first.begin();
    await first.end();
    expect(await machine.davitd('b').begin()).toEqual({ rebooted: true, unclean: false });
    expect(await machine.davitd('c').begin()).toEqual({ rebooted: true, unclean: true });
  });

  it('takes a boot that the kernel does not tell for the same one', async () => {
    using machine = node();
    await machine.davitd('a').begin();
    expect(await machine.davitd('').begin()).toEqual({ rebooted: false, unclean: false });
    expect(await machine.davitd('b').begin()).toEqual({ rebooted: false, unclean: false });
  });

  it('tells again what a davitd that died did not come to deal with', async () => {
    using machine = node();
    await machine.davitd('a').begin();
    expect(await machine.davitd('b').begin()).toEqual({ rebooted: true, unclean: true });
    const second = machine.davitd('b');
    expect(await second.begin()).toEqual({ rebooted: true, unclean: true });
    await second.settled();
    expect(await machine.davitd('b').begin()).toEqual({ rebooted: false, unclean: false });
  });

  it('keeps what is owed over an orderly end', async () => {
    using machine = node();
    await machine.davitd('a').begin();
    const second = machine.davitd('b');
    await second.begin();
    await second.end();
    expect(await machine.davitd('b').begin()).toEqual({ rebooted: true, unclean: true });
  });

  it('leaves the record alone when it ends before it began', async () => {
    using machine = node();
    await machine.davitd('a').begin();
    const before = readFileSync(machine.path, 'utf8');
    await machine.davitd('b').end();
    expect(readFileSync(machine.path, 'utf8')).toBe(before);
  });

  it.each(['', '{', '{"version":2}', 'null'])('starts with %j in its file, and says so', async (text) => {
    using machine = node();
    writeFileSync(machine.path, text);
    expect(await machine.davitd('a').begin()).toEqual({ rebooted: false, unclean: false });
    expect(machine.warnings).toEqual(['whether the node was restarted cannot be told']);
  });
});
