import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogService } from './index.ts';
import { launchPump } from './launcher.ts';
import { bundlePump, isAlive, PumpFixture, readLog, soon, until } from './pump-fixture.ts';

const SLOW_MS = 120_000;
const KILLS = 20;
/** Writes `line 1`, `line 2` … at full speed until the file $1 is there; its own stdout is the last number. */
const NUMBERED = `awk -v stop="$1" 'BEGIN {
  for (i = 1; ; i++) {
    print "line " i
    if (i % 5000 == 0) { fflush(); if (system("test -e " stop) == 0) { print i > "/dev/stderr"; exit } }
  }
}' 2>&1 >&3`;

let pump: string;

beforeAll(async () => {
  pump = await bundlePump();
});

afterAll(async () => await rm(pump));

function numbered(last: number): string {
  return Array.from({ length: last }, (_, i) => `line ${i + 1}\n`).join('');
}

/** Compares as one value: a difference of megabytes is nothing to print. */
function expectSame(actual: string, expected: string): void {
  const [a, e] = [actual.split('\n'), expected.split('\n')];
  const differs = e.findIndex((line, i) => line !== a[i]);
  expect({ lines: a.length, line: a[differs] }).toEqual({ lines: e.length, line: e[differs] });
}

describe('a pump that is killed', { timeout: SLOW_MS }, () => {
  it('loses and doubles no line in twenty kills at full speed', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const stop = join(node.folder, 'stop');
    const writer = node.write(paths, NUMBERED, stop);
    const pids = new Set<number>();
    while (pids.size < KILLS) pids.add(await node.killPump());
    await writeFile(stop, '');
    const last = Number(await writer.exited);
    const totals = await node.service.ended('a', soon());
    expectSame((await node.written('a')).stdout, numbered(last));
    expect(totals.stdout).toEqual({ bytes: numbered(last).length, lines: last });
  });

  it('goes on in the right file when the log is rotated meanwhile', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const stop = join(node.folder, 'stop');
    const writer = node.write(paths, NUMBERED, stop);
    const rotated: string[] = [];
    for (let n = 0; n < KILLS; n++) {
      const name = `${node.logPath('a')}.${n}`;
      rotated.push(name);
      process.kill(await node.pumpPid(), 'SIGKILL');
      await rename(node.logPath('a'), name);
      if (n % 2 === 0) await node.service.status(soon()); // taken over before the new file is asked for
      await node.service.reopen('a', soon());
    }
    await writeFile(stop, '');
    const last = Number(await writer.exited);
    const totals = await node.service.ended('a', soon());
    const logs = await Promise.all([...rotated, node.logPath('a')].map((file) => readFile(file, 'utf8')));
    expectSame(readLog(logs.join('')).stdout, numbered(last));
    expect(totals.stdout.lines).toBe(last);
  });

  it('writes on to a rotated log while nobody asks for a new one', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    await rename(node.logPath('a'), `${node.logPath('a')}.old`);
    await node.killPump();
    await node.write(paths, 'echo x >&3').exited;
    await node.service.ended('a', soon());
    expect(readLog(await readFile(`${node.logPath('a')}.old`, 'utf8')).stdout).toBe('x\n');
    expect(readdirSync(join(node.folder, 'logs'))).toEqual(['a.log.old']);
  });

  it('finds what a container left that ended meanwhile', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    process.kill(await node.pumpPid(), 'SIGSTOP');
    await node.write(paths, 'seq 1 10000 >&3; printf tail >&4').exited;
    await node.restartServiceBlindly();
    process.kill(await node.lockedPid(), 'SIGKILL');
    await node.service.ended('a', soon());
    const { stdout, stderr } = await node.written('a');
    expect(stdout.split('\n')).toHaveLength(10_001);
    expect(stderr).toBe('tail');
  });

  it('is waited for by those who wait for an end', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const writer = node.write(paths, 'echo first >&3; read -r _; echo last >&3');
    await until(async () => ((await node.writtenSoFar('a')).stdout === 'first\n' ? true : undefined));
    const ended = node.service.ended('a', soon());
    await node.killPump();
    writer.nudge();
    expect((await ended).stdout).toEqual({ bytes: 11, lines: 2 });
  });

  it('still knows what has ended', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    await node.write(paths, 'echo x >&3').exited;
    const totals = await node.service.ended('a', soon());
    await node.killPump();
    expect(await node.service.ended('a', soon())).toEqual(totals);
    await node.service.release('a');
  });

  it('takes fifty containers over at once', async () => {
    await using node = await PumpFixture.start(pump);
    const ids = Array.from({ length: 50 }, (_, i) => `c${i}`);
    const all = await Promise.all(ids.map(async (id) => ({ id, paths: await node.prepare(id) })));
    const writers = all.map(({ id, paths }) => node.write(paths, `seq -f "${id} %g" 1 3000 | tee /dev/fd/4 >&3`));
    await node.killPump();
    await node.killPump();
    await Promise.all(writers.map((writer) => writer.exited));
    await Promise.all(ids.map((id) => node.service.ended(id, soon())));
    for (const id of ids) {
      const expected = Array.from({ length: 3000 }, (_, i) => `${id} ${i + 1}\n`).join('');
      expect(await node.written(id)).toEqual({ stdout: expected, stderr: expected });
    }
  });

  it('keeps what it cannot take over as damaged, and takes over the rest', async () => {
    await using node = await PumpFixture.start(pump);
    await node.prepare('bad');
    await node.prepare('gone');
    const paths = await node.prepare('good');
    await writeFile(join(node.state, 'pump/streams/bad/record.json'), '{');
    await rm(join(node.state, 'io/gone/stdout'));
    await node.killPump();
    const states = (await node.service.held(soon())).map(({ containerId, state }) => `${containerId} ${state}`);
    expect(states.sort()).toEqual(['bad damaged', 'gone damaged', 'good open']);
    await expect(node.service.ended('bad', soon())).rejects.toMatchObject({ kind: 'failed-precondition' });
    await node.service.release('bad');
    await node.service.release('gone');
    await node.write(paths, 'echo x >&3').exited;
    await node.service.ended('good', soon());
    expect((await node.written('good')).stdout).toBe('x\n');
  });
});

describe('a davitd that goes', { timeout: SLOW_MS }, () => {
  it('stops no output, and its successor finds all containers', async () => {
    await using node = await PumpFixture.start(pump);
    const paths = await node.prepare('a');
    const stop = join(node.folder, 'stop');
    const writer = node.write(paths, NUMBERED, stop);
    const pid = await node.pumpPid();
    await node.service.close();
    const size = statSync(node.logPath('a')).size;
    await until(async () => (statSync(node.logPath('a')).size > size + 1_000_000 ? true : undefined));
    await node.restartService();
    expect(await node.pumpPid()).toBe(pid);
    expect((await node.service.held(soon())).map((held) => held.containerId)).toEqual(['a']);
    await node.killPump(); // its standby ends hold
    await writeFile(stop, '');
    const last = Number(await writer.exited);
    await node.service.ended('a', soon());
    expectSame((await node.written('a')).stdout, numbered(last));
  });

  it('can be asked nothing while it is closed', async () => {
    await using node = await PumpFixture.start(pump);
    await node.service.close();
    await expect(node.service.held(soon())).rejects.toMatchObject({ kind: 'unavailable' });
    await node.restartService();
  });
});

describe('a pump that cannot be had', { timeout: SLOW_MS }, () => {
  it('is named in the error, with the reason', async () => {
    await using node = await PumpFixture.start(pump);
    const state = join(node.folder, 'other');
    const deps = { entry: '/nowhere/pump.js', state, version: 'x', cgroup: 'inherit', maxLineBytes: 100 } as const;
    const service = createLogService({ ...deps, onStdinClosed: () => undefined, logger: node.logger });
    await expect(service.start(AbortSignal.timeout(50))).rejects.toMatchObject({ kind: 'unavailable' });
    const message = await until(async () => {
      const error: unknown = await service.held(AbortSignal.timeout(50)).catch((error: unknown) => error);
      return String(error).includes('exit code 1') ? String(error) : undefined;
    });
    expect(message).toMatch(/davit-pump cannot be reached: .*ended with exit code 1; .*pump\.log says more/);
    await service.close();
  });

  it('is waited for while it does not answer, as long as the caller has time', async () => {
    await using node = await PumpFixture.start(pump);
    const pid = await node.pumpPid();
    process.kill(pid, 'SIGSTOP');
    await expect(node.service.held(AbortSignal.timeout(50))).rejects.toMatchObject({
      kind: 'deadline-exceeded',
      message: expect.stringContaining('davit-pump'),
    });
    await expect(node.service.held(AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
    const held = node.service.held(soon());
    process.kill(pid, 'SIGCONT');
    expect(await held).toEqual([]);
  });
});

describe('a log that cannot be written', { timeout: SLOW_MS }, () => {
  it('makes its container wait, and no other; nothing is lost', async () => {
    await using node = await PumpFixture.start(pump);
    const pid = await node.pumpPid();
    const limit = (bytes: string): Buffer =>
      execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
    const full = await node.prepare('full');
    const fine = await node.prepare('fine');
    limit('300001');
    const writer = node.write(full, 'seq 1 300000 >&3');
    const problem = await until(async () => {
      const held = await node.service.held(soon());
      return held.find(({ containerId }) => containerId === 'full')?.problem;
    });
    expect(problem).toMatch(/EFBIG.*full\.log/);
    expect(await node.service.status(soon())).toMatchObject({ stalled: 1, open: 2 });
    await node.write(fine, 'echo fine >&3').exited;
    await node.service.ended('fine', soon());
    expect((await node.written('fine')).stdout).toBe('fine\n');
    limit('unlimited');
    await writer.exited;
    const totals = await node.service.ended('full', soon());
    expectSame((await node.written('full')).stdout, Array.from({ length: 300_000 }, (_, i) => `${i + 1}\n`).join(''));
    expect(totals.lostBytes).toBe(0);
    expect((await node.service.status(soon())).stalledMs).toBeGreaterThan(0);
  });

  it('is counted as lost when its container is removed', async () => {
    await using node = await PumpFixture.start(pump);
    const pid = await node.pumpPid();
    const paths = await node.prepare('a');
    execFileSync('prlimit', ['--pid', String(pid), '--fsize=10:unlimited']);
    await node.write(paths, 'echo lost >&3').exited;
    await until(async () => ((await node.service.status(soon())).stalled === 1 ? true : undefined));
    await node.service.release('a');
    expect((await node.service.status(soon())).lostBytes).toBe(5);
  });
});

describe('launchPump()', { timeout: SLOW_MS }, () => {
  it('starts no second pump on one state', async () => {
    await using node = await PumpFixture.start(pump);
    const second = launchPump({ entry: pump, state: node.state, version: 'second', cgroup: 'inherit' });
    expect(await second.ended).toBe('exit code 3');
    expect(await node.service.status(soon())).toMatchObject({ version: '0.0.0-test' });
  });

  it('says why a pump did not start', async () => {
    await using node = await PumpFixture.start(pump);
    const broken = launchPump({ entry: '/nowhere/pump.ts', state: node.state, version: 'x', cgroup: 'inherit' });
    expect(await broken.ended).toBe('exit code 1');
    expect(await readFile(broken.logPath, 'utf8')).toContain('/nowhere/pump.ts');
  });

  it('starts a pump that ends when its state folder is removed, and leaves its successor alone', async () => {
    await using node = await PumpFixture.start(pump);
    const pid = await node.pumpPid();
    await node.service.close();
    await rm(node.state, { recursive: true });
    await node.restartService();
    await node.prepare('a');
    await until(async () => (isAlive(pid) ? undefined : true));
    expect(await node.pumpPid()).not.toBe(pid);
    expect(statSync(join(node.state, 'pump/pump.sock')).isSocket()).toBe(true);
  });

  it('starts a pump that no signal but an end stops', async () => {
    await using node = await PumpFixture.start(pump);
    const pid = await node.pumpPid();
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGIO', 'SIGPIPE']) process.kill(pid, signal);
    expect(await node.pumpPid()).toBe(pid);
    process.kill(pid, 'SIGTERM');
    await until(async () => (isAlive(pid) ? undefined : true));
    expect(await node.pumpPid()).not.toBe(pid);
  });
});
