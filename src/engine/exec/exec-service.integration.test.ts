import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, ExecFixture, execRequest, NEVER, read } from './exec-fixture.ts';

let fixture: ExecFixture;

beforeAll(async () => {
  fixture = await ExecFixture.start();
});

afterEach(async () => {
  await eventually(
    () => fixture.leftovers(),
    (lines) => lines.length === 0,
  );
  const warnings = fixture.warnings.splice(0);
  if (warnings.length > 0) throw new Error(warnings.join('\n'));
});

afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** No process of an exec lives in the container. */
async function expectAlone(): Promise<void> {
  await eventually(
    () => fixture.commands(),
    (commands) => commands.length === 0,
  );
}

describe('open()', () => {
  it('runs a command and tells its outputs apart, and its exit code', async () => {
    const ran = await fixture.run('echo out; echo err >&2; exit 42');
    expect(ran).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 42 });
  });

  it("has the container's user, groups, environment, folder and rules", async () => {
    const script =
      'id -u; id -g; id -G; echo $COLOR; pwd; cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status';
    const { stdout } = await fixture.run(script);
    expect(stdout.split('\n')).toEqual(['1234', '2345', '2345 3456', 'green', '/tmp', '900', 'NoNewPrivs:\t1', '']);
  });

  it('has nothing on stdin where none was asked for', async () => {
    expect(await fixture.run('cat; readlink /proc/self/fd/0')).toMatchObject({ stdout: '/dev/null\n' });
  });

  it('tells a death by signal as a shell does', async () => {
    expect((await fixture.run('kill -TERM $$')).exitCode).toBe(143);
  });

  it.each([['no-such-command'], ['/no/such/command'], ['/tmp']])(
    'names the command %s that cannot be run',
    async (name) => {
      const opening = fixture.service.open(fixture.target, execRequest([name]), NEVER);
      await expect(opening).rejects.toMatchObject({ kind: 'unknown' });
      await expect(opening).rejects.toThrow(`exec "${name}" in container ${fixture.target.id}: `);
      await expect(opening).rejects.toThrow('OCI runtime exec failed');
    },
  );

  it('carries input, 8 MiB, and its end', async () => {
    await using session = await fixture.open('wc -c; echo rest', { stdin: true });
    const piece = Buffer.alloc(1024 * 1024, 'x');
    for (let i = 0; i < 8; i++) session.stdin?.write(piece);
    session.stdin?.end();
    expect(await read(session.stdout)).toBe(`${8 * 1024 * 1024}\nrest\n`);
    expect(await session.exit).toEqual({ exitCode: 0 });
  });

  it('carries an end of input without input', async () => {
    await using session = await fixture.open('cat; echo done', { stdin: true });
    session.stdin?.end();
    expect(await read(session.stdout)).toBe('done\n');
  });

  it('ends the input of a process that ended without reading it', async () => {
    await using session = await fixture.open('exec 0<&-; sleep 0.3', { stdin: true });
    const closed = new Promise((resolve) => session.stdin?.once('close', resolve));
    session.stdin?.on('error', () => undefined);
    session.stdin?.write(Buffer.alloc(1024 * 1024));
    expect(await session.exit).toEqual({ exitCode: 0 });
    await closed;
  });

  it('has the process wait for a reader that does not read', async () => {
    await using session = await fixture.open('head -c 10000000 /dev/zero; echo end >&2');
    await delay(500);
    expect(session.stdout?.readableLength).toBeLessThan(1024 * 1024);
    let bytes = 0;
    for await (const chunk of session.stdout ?? []) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(10_000_000);
  });

  it('gives a terminal of the size that was asked for', async () => {
    await using session = await fixture.open('stty size; read line; stty size; tty; echo "got $line"', {
      tty: true,
      stdin: true,
    });
    let seen = '';
    session.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await eventually(
      () => seen,
      (value) => value.includes('\n'),
    );
    await session.resize({ width: 132, height: 43 }, NEVER);
    session.stdin?.write('hello\n');
    await session.exit;
    await session.drained;
    expect(session.stderr).toBeUndefined();
    expect(seen.split('\r\n').slice(1)).toEqual(['hello', '43 132', '/dev/pts/0', 'got hello', '']);
    await session.resize({ width: 1, height: 1 }, NEVER);
  });

  it('gives sinks every byte of both outputs', async () => {
    const bytes = { stdout: 0, stderr: 0 };
    await using session = await fixture.open('head -c 3000000 /dev/zero & head -c 5000000 /dev/zero >&2; wait', {
      stdout: (chunk) => (bytes.stdout += chunk.length),
      stderr: (chunk) => (bytes.stderr += chunk.length),
    });
    expect(await session.exit).toEqual({ exitCode: 0 });
    await session.drained;
    expect(bytes).toEqual({ stdout: 3_000_000, stderr: 5_000_000 });
  });

  it('has many at once', async () => {
    const runs = Array.from({ length: 20 }, (_, n) => fixture.run(`echo ${n}; exit ${n}`));
    expect(await Promise.all(runs)).toEqual(
      Array.from({ length: 20 }, (_, n) => ({ stdout: `${n}\n`, stderr: '', exitCode: n })),
    );
  });

  it('leaves nothing when the caller goes while it starts', async () => {
    const gone = new AbortController();
    const opening = fixture.service.open(fixture.target, execRequest(['sleep', '1000']), gone.signal);
    gone.abort();
    await expect(opening).rejects.toThrow('aborted');
    await eventually(
      () => fixture.leftovers(),
      (lines) => lines.length === 0,
    );
    await expectAlone();
  });
});

/** What a process may do to be forgotten; each ends as `sleep 1000.N`. */
const ESCAPES = [
  'setsid sleep 1000.1 &',
  '(setsid sleep 1000.2 &)',
  '(setsid sh -c "(setsid sleep 1000.3 &)" </dev/null >/dev/null 2>&1 &)',
  'nohup sleep 1000.4 </dev/null >/dev/null 2>&1 &',
].join('\n');

describe('kill()', () => {
  it.each([
    ['at once', ''],
    ['later', 'sleep 0.5;'],
  ])('ends processes that left session and parent %s, and nobody else', async (_when, before) => {
    await fixture.run('setsid sleep 2000 </dev/null >/dev/null 2>&1 &');
    await using session = await fixture.open(`${before} ${ESCAPES}\nsleep 1000`);
    await eventually(
      () => fixture.commands(),
      (commands) => commands.filter((command) => command.startsWith('sleep 1000.')).length === 4,
    );
    await session.kill(AbortSignal.timeout(10_000));
    expect(await fixture.commands()).toEqual(['sleep 2000']);
    expect((await session.exit).exitCode).toBe(137);
    await fixture.run('pkill -f "^sleep 2000"');
  });

  it('ends what forks all the time', async () => {
    await using session = await fixture.open(
      'f() { while :; do sleep 0.01 & setsid sleep 0.02 & done; }; f & f & wait',
    );
    await eventually(
      () => fixture.commands(),
      (commands) => commands.length > 20,
    );
    await session.kill(AbortSignal.timeout(20_000));
    expect(await fixture.commands()).toEqual([]);
  });

  it('is what disposal does to what still runs', async () => {
    {
      await using session = await fixture.open(`${ESCAPES}\ncat /dev/zero`);
      await delay(200);
      expect(session.stdin).toBeUndefined();
    }
    await expectAlone();
  });

  it('spares what a command that ended left behind', async () => {
    expect(await fixture.run('setsid sleep 3000 </dev/null >/dev/null 2>&1 & sleep 0.2')).toMatchObject({
      exitCode: 0,
    });
    expect(await fixture.commands()).toEqual(['sleep 3000']);
    await fixture.run('pkill -f "^sleep 3000"');
    await expectAlone();
  });
});

describe('a session', () => {
  it('can be ended while something holds its output open', async () => {
    {
      await using session = await fixture.open('sleep 4000 &');
      expect(await session.exit).toEqual({ exitCode: 0 });
    }
    await fixture.run('pkill -f "^sleep 4000"');
    await expectAlone();
  });

  it('lives on over a restart of containerd', async () => {
    await using session = await fixture.open('read line; echo "got $line"; exit 7', { stdin: true });
    const startAgain = await fixture.killContainerd();
    session.stdin?.end('hello\n');
    expect(await read(session.stdout)).toBe('got hello\n');
    await startAgain();
    expect(await session.exit).toEqual({ exitCode: 7 });
  });

  it('can be killed while containerd is away', async () => {
    const session = await fixture.open(`${ESCAPES}\nsleep 1000`);
    await delay(300);
    const startAgain = await fixture.killContainerd();
    await session.kill(AbortSignal.timeout(10_000));
    expect(await fixture.commands()).toEqual([]);
    await session[Symbol.asyncDispose]();
    await startAgain();
  });
});

describe('recover()', () => {
  it('ends what a former davitd left, and no other', async () => {
    const left = await fixture.open(`${ESCAPES}\nsleep 1000`);
    await delay(300);
    const next = fixture.createService();
    writeFileSync(`${fixture.folder}/stray`, '');
    await next.start(NEVER);
    await next.recover((id) => (id === fixture.target.id ? fixture.target : undefined));
    const mine = await next.open(fixture.target, execRequest(['echo', 'mine']), NEVER);
    expect(await read(mine.stdout)).toBe('mine\n');
    await mine[Symbol.asyncDispose]();
    expect((await left.exit).exitCode).toBe(137);
    await expectAlone();
    await next.close();
    await left[Symbol.asyncDispose]();
  });
});
