import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, open, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAlive, MAX_LINE_BYTES, PumpFixture, readLog, soon, until } from './pump-fixture.ts';

const SLOW_MS = 60_000;
const PERMISSIONS = 0o777;

describe('prepare()', { timeout: SLOW_MS }, () => {
  it('makes FIFOs, the log and the folders above it', async () => {
    await using node = await PumpFixture.start();
    const paths = await node.prepare('a', { stdin: true });
    for (const path of Object.values(paths)) {
      expect(statSync(path).isFIFO()).toBe(true);
      expect(statSync(path).mode & PERMISSIONS).toBe(0o600);
    }
    expect(Object.keys(paths).sort()).toEqual(['stderr', 'stdin', 'stdout']);
    expect(statSync(node.logPath('a')).mode & PERMISSIONS).toBe(0o640);
    expect(statSync(dirname(node.logPath('a'))).mode & PERMISSIONS).toBe(0o755);
    expect(statSync(`${node.state}/pump`).mode & PERMISSIONS).toBe(0o700);
    expect(statSync(`${node.state}/pump/pump.sock`).mode & PERMISSIONS).toBe(0o600);
  });

  it('is success again with the same spec, and already-exists with another', async () => {
    await using node = await PumpFixture.start();
    expect(await node.prepare('a')).toEqual(await node.prepare('a'));
    await expect(node.prepare('a', { logPath: node.logPath('b') })).rejects.toMatchObject({ kind: 'already-exists' });
  });

  it('refuses a log that another container writes to, that is a link, or no file', async () => {
    await using node = await PumpFixture.start();
    await node.prepare('a');
    await expect(node.prepare('b', { logPath: node.logPath('a') })).rejects.toMatchObject({ kind: 'already-exists' });
    await symlink('/etc/shadow', node.logPath('link'));
    await expect(node.prepare('link')).rejects.toThrow('ELOOP');
    await expect(node.prepare('c', { logPath: '/dev/null' })).rejects.toMatchObject({ kind: 'failed-precondition' });
    await expect(node.prepare('d', { logPath: '/a/../b' })).rejects.toMatchObject({ kind: 'invalid-argument' });
    expect((await node.service.held(soon())).map((held) => held.containerId)).toEqual(['a']);
    expect(readdirSync(`${node.state}/pump/streams`)).toEqual(['a']);
    expect(readdirSync(`${node.state}/io/b`)).toEqual([]);
  });

  it('appends to a log that is there', async () => {
    await using node = await PumpFixture.start();
    await mkdir(dirname(node.logPath('a')), { recursive: true });
    await writeFile(node.logPath('a'), '2023-11-14T22:13:20.000000000Z stdout F before\n');
    const paths = await node.prepare('a');
    await node.write(paths, 'echo after >&3').exited;
    await node.service.ended('a', soon());
    expect(await node.written('a')).toEqual({ stdout: 'before\nafter\n', stderr: '' });
  });
});

describe('ended()', { timeout: SLOW_MS }, () => {
  it('resolves with the exact totals once all output is in the log', async () => {
    await using node = await PumpFixture.start();
    const paths = await node.prepare('a');
    const writer = node.write(paths, 'printf "one\\n\\ntwo\\r\\n" >&3; printf "no newline" >&4; seq 1 50000 >&3');
    await writer.exited;
    const totals = await node.service.ended('a', soon());
    const { stdout, stderr } = await node.written('a');
    const numbers = Array.from({ length: 50_000 }, (_, i) => `${i + 1}\n`).join('');
    expect(stdout).toBe(`one\n\ntwo\r\n${numbers}`);
    expect(stderr).toBe('no newline');
    expect(totals).toEqual({
      stdout: { bytes: stdout.length, lines: 50_003 },
      stderr: { bytes: 10, lines: 1 },
      lostBytes: 0,
    });
    expect(await node.service.ended('a', soon())).toEqual(totals);
  });

  it('waits for a writer that lives on', async () => {
    await using node = await PumpFixture.start();
    const paths = await node.prepare('a');
    const writer = node.write(paths, 'echo first >&3; read -r _; echo last >&3');
    await until(async () => ((await node.writtenSoFar('a')).stdout === '' ? undefined : true));
    const ended = node.service.ended('a', soon());
    expect((await node.service.held(soon()))[0]?.state).toBe('open');
    writer.nudge();
    await ended;
    expect((await node.written('a')).stdout).toBe('first\nlast\n');
  });

  it('resolves at once for a container that never started', async () => {
    await using node = await PumpFixture.start();
    await node.prepare('a', { tty: true });
    expect(await node.service.ended('a', soon())).toEqual({ stdout: { bytes: 0, lines: 0 }, lostBytes: 0 });
  });

  it('cuts a line that never ends, and keeps its journal small', async () => {
    await using node = await PumpFixture.start();
    const paths = await node.prepare('a', { tty: true });
    const bytes = 40_000_000;
    node.write(paths, `head -c ${bytes} /dev/zero | tr '\\0' x >&3; read -r _`);
    await until(async () => {
      const [held] = await node.service.held(soon());
      return (held?.totals.stdout.bytes ?? 0) >= bytes - MAX_LINE_BYTES ? true : undefined;
    });
    const { blocks } = statSync(`${node.state}/pump/streams/a/stdout.journal`);
    expect(blocks * 512).toBeLessThan(4_000_000);
  });

  it('throws not-found for a container that the pump does not hold', async () => {
    await using node = await PumpFixture.start();
    await expect(node.service.ended('nobody', soon())).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('throws deadline-exceeded when the output does not end in time', async () => {
    await using node = await PumpFixture.start();
    const paths = await node.prepare('a');
    node.write(paths, 'echo up >&3; read -r _');
    await until(async () => ((await node.writtenSoFar('a')).stdout === '' ? undefined : true));
    await expect(node.service.ended('a', AbortSignal.timeout(50))).rejects.toMatchObject({ kind: 'deadline-exceeded' });
  });
});

describe('release()', { timeout: SLOW_MS }, () => {
  it('leaves nothing of a container that ended, never started or still writes', async () => {
    await using node = await PumpFixture.start();
    const running = await node.prepare('running');
    node.write(running, 'while :; do echo x >&3; done');
    await node.prepare('never');
    await node.prepare('ended');
    await node.service.ended('ended', soon());
    for (const id of ['running', 'never', 'ended', 'unknown']) await node.service.release(id);
    expect(await node.service.held(soon())).toEqual([]);
    expect(readdirSync(`${node.state}/pump/streams`)).toEqual([]);
    expect(readdirSync(`${node.state}/io`)).toEqual([]);
  });

  it('moves what is in the FIFO to the log first', async () => {
    await using node = await PumpFixture.start();
    const paths = await node.prepare('a');
    const pump = await node.pumpPid();
    process.kill(pump, 'SIGSTOP');
    await node.write(paths, 'seq 1 20000 >&3').exited;
    const released = node.service.release('a');
    process.kill(pump, 'SIGCONT');
    await released;
    expect((await node.written('a')).stdout.split('\n')).toHaveLength(20_001);
  });
});

describe('reopen()', { timeout: SLOW_MS }, () => {
  it('goes on in a new file, and loses nothing of the old one', async () => {
    await using node = await PumpFixture.start();
    const paths = await node.prepare('a');
    const writer = node.write(paths, 'seq 1 400000 >&3');
    for (let n = 0; n < 5; n++) {
      await rename(node.logPath('a'), `${node.logPath('a')}.${n}`);
      await node.service.reopen('a', soon());
      expect(statSync(node.logPath('a')).mode & PERMISSIONS).toBe(0o640);
    }
    await writer.exited;
    await node.service.ended('a', soon());
    const files = [...[0, 1, 2, 3, 4].map((n) => `${node.logPath('a')}.${n}`), node.logPath('a')];
    const logs = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    expect(readLog(logs.join('')).stdout).toBe(Array.from({ length: 400_000 }, (_, i) => `${i + 1}\n`).join(''));
  });

  it('keeps the old file, and leaves no new one, when the path cannot be opened', async () => {
    await using node = await PumpFixture.start();
    const paths = await node.prepare('a');
    const moved = `${node.folder}/moved`;
    await rename(dirname(node.logPath('a')), moved);
    await expect(node.service.reopen('a', soon())).rejects.toThrow('ENOENT');
    await node.write(paths, 'echo kept >&3').exited;
    await node.service.ended('a', soon());
    expect(readLog(await readFile(`${moved}/a.log`, 'utf8')).stdout).toBe('kept\n');
    expect(existsSync(node.logPath('a'))).toBe(false);
    await expect(node.service.reopen('a', soon())).rejects.toMatchObject({ kind: 'failed-precondition' });
  });
});

describe('stdin', { timeout: SLOW_MS }, () => {
  it('stays open when davitd goes and when the pump is killed', async () => {
    await using node = await PumpFixture.start();
    const paths = await node.prepare('a', { stdin: true });
    const shell = node.write(paths, 'cat "$1" >&3; echo closed >&3', paths.stdin ?? '');
    await node.killPump();
    await node.service.close();
    await node.restartService();
    await node.killPump();
    await using stdin = await open(paths.stdin ?? '', 'w');
    await stdin.write('still here\n');
    await until(async () => ((await node.writtenSoFar('a')).stdout === 'still here\n' ? true : undefined));
    expect(isAlive(shell.pid)).toBe(true);
  });
});
