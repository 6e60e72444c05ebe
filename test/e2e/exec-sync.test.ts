import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerProcesses } from './support/container-processes.ts';
import type { ContainerProcess } from './support/container-processes.ts';
import { noExecTraces } from './support/exec-traces.ts';
import {
  BUSYBOX,
  Pod,
  containerStatus,
  crictl,
  davitdPid,
  eventually,
  mustCrictl,
  nodeEnv,
  restartDavitd,
} from './support/node.ts';
import type { Ran } from './support/run.ts';
import { usageOf } from './support/usage.ts';

/** What kubelet and crictl receive at most. */
const REPLY_MAX_BYTES = 16 * 1024 * 1024;
const MIB = 1024 * 1024;

let pod: Pod;
let container: string;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  pod = await Pod.run('exec-sync');
  container = await pod.start('main', { envs: [{ key: 'COLOR', value: 'green' }] });
});

afterAll(async () => {
  await pod[Symbol.asyncDispose]();
});

async function exec(...command: readonly string[]): Promise<Ran> {
  return await crictl('exec', '--sync', container, ...command);
}

async function sh(script: string): Promise<Ran> {
  return await exec('sh', '-c', script);
}

/** Descriptors of davitd that are not its connections: what an exec could leave open. */
async function descriptors(): Promise<readonly string[]> {
  return (await usageOf(await davitdPid())).descriptors.filter((each) => each !== 'socket');
}

async function residentBytes(): Promise<number> {
  return (await usageOf(await davitdPid())).residentBytes;
}

/** All living processes in the container but its first. */
async function living(): Promise<readonly ContainerProcess[]> {
  return (await containerProcesses(container)).filter(({ command }) => command !== 'sleep 1000');
}

async function processes(): Promise<readonly string[]> {
  return (await living()).map(({ command }) => command);
}

/** Ends what is left from outside. */
async function endAll(): Promise<void> {
  for (const { pid } of await living()) process.kill(pid, 'SIGKILL');
  await nothingLeft();
}

async function nothingLeft(): Promise<void> {
  await noExecTraces(container);
}

/** All the ways for a process to be forgotten by its parent, as soon as it starts. */
const ESCAPES = [
  'setsid sleep 5001 &',
  '(setsid sleep 5002 &)',
  '(setsid sh -c "(setsid sleep 5003 &)" </dev/null >/dev/null 2>&1 &)',
  'sleep 5004 </dev/null >/dev/null 2>&1 &',
].join('\n');

describe('crictl exec --sync', () => {
  it('prints both outputs', async () => {
    expect(await sh('echo out; echo err >&2')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^out\n/) });
    expect((await sh('echo err >&2; exit 3')).stderr).toContain('exited with 3: err');
  });

  it.each([1, 42, 255])('tells exit code %i', async (code) => {
    expect((await sh(`exit ${code}`)).stderr).toContain(`exited with ${code}`);
  });

  it('has no stdin, and the environment, folder and user of the container', async () => {
    expect((await sh('cat; echo $COLOR; pwd; id -u')).stdout.trim().split('\n')).toEqual(['green', '/', '0']);
  });

  it('names a command that is not there', async () => {
    const { code, stderr } = await exec('no-such-command');
    expect(code).not.toBe(0);
    expect(stderr).toContain('code = Unknown');
    expect(stderr).toContain('no-such-command');
    await nothingLeft();
  });

  it('refuses a container that does not run', async () => {
    const created = await pod.create('created');
    const { stderr } = await crictl('exec', '--sync', created, 'true');
    expect(stderr).toContain('code = FailedPrecondition');
    await mustCrictl('rm', created);
  });

  it('K14: kills all of a command that takes too long, setsid and double forks too, and the container lives on', async () => {
    const { stderr } = await crictl(
      'exec',
      '--sync',
      '--timeout',
      '1',
      container,
      'sh',
      '-c',
      `${ESCAPES}\nsleep 5000`,
    );
    expect(stderr).toContain('code = DeadlineExceeded');
    expect(await processes()).toEqual([]);
    expect(await containerStatus(container)).toMatchObject({ state: 'CONTAINER_RUNNING' });
    expect((await sh('echo alive')).stdout).toContain('alive');
    await nothingLeft();
  });

  it('kills a command whose caller goes', async () => {
    const caller = spawn('crictl', ['exec', '--sync', container, 'sh', '-c', `${ESCAPES}\nsleep 5000`], {
      env: nodeEnv(),
      stdio: 'ignore',
    });
    await eventually('the command', async () => ((await processes()).length >= 5 ? true : undefined));
    caller.kill('SIGKILL');
    await once(caller, 'exit');
    await nothingLeft();
    expect(await containerStatus(container)).toMatchObject({ state: 'CONTAINER_RUNNING' });
  });

  it('answers though a process that stays behind holds the outputs open', async () => {
    expect((await sh('sleep 6000 & echo done')).stdout).toContain('done');
    expect(await processes()).toEqual(['sleep 6000']);
    await endAll();
  });

  it('leaves what a command started for good', async () => {
    expect((await sh('setsid sleep 7000 </dev/null >/dev/null 2>&1 &')).code).toBe(0);
    expect(await processes()).toEqual(['sleep 7000']);
    await endAll();
  });

  it('runs 20 at once', async () => {
    const ran = await Promise.all(Array.from({ length: 20 }, (_, n) => sh(`sleep 0.5; echo number ${n}`)));
    expect(ran.map(({ stdout }) => stdout.trim())).toEqual(Array.from({ length: 20 }, (_, n) => `number ${n}`));
    await nothingLeft();
  });

  it('leaves no descriptor of davitd open, whether commands run, fail or are killed', async () => {
    await sh('true');
    await nothingLeft();
    const before = await descriptors();
    const timed = crictl('exec', '--sync', '--timeout', '1', container, 'sleep', '5000');
    await Promise.all(Array.from({ length: 10 }, () => exec('no-such-command')));
    await Promise.all(Array.from({ length: 10 }, () => sh('echo')));
    await timed;
    await nothingLeft();
    expect(await descriptors()).toEqual(before);
  });
});

describe('large outputs', () => {
  it('are cut to what the caller receives, both together, and the exit code is right', async () => {
    const both = 'head -c 20971520 /dev/zero & head -c 20971520 /dev/zero >&2; wait; exit';
    const { code, stdout, stderr } = await sh(`${both} 0`);
    expect({ code, rest: stderr.replaceAll('\0', '') }).toEqual({ code: 0, rest: '' });
    expect(stdout.length + stderr.length).toBeGreaterThan(REPLY_MAX_BYTES - 4096);
    expect((await sh(`${both} 7`)).stderr.slice(0, 200_000)).toContain('exited with 7');
    await nothingLeft();
  });

  it('CVE-2022-1708, CVE-2022-31030: davitd stays small while a command writes for 10 s without end', async () => {
    await sh('true');
    const before = await residentBytes();
    let most = 0;
    const running = sh('timeout -s KILL 10 cat /dev/zero; exit 0');
    for (let ended = false; !ended;) {
      most = Math.max(most, await residentBytes());
      ended = await Promise.race([running.then(() => true), sleep(200, false)]);
    }
    const { code, stdout, stderr } = await running;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.length).toBeLessThanOrEqual(REPLY_MAX_BYTES);
    expect(stdout.length).toBeGreaterThan(REPLY_MAX_BYTES - 4096);
    expect(Math.max(most, await residentBytes()) - before).toBeLessThan(64 * MIB);
  });
});

describe('a davitd that is killed while a command runs', () => {
  it('ends the command once it is back', async () => {
    const lost = crictl('exec', '--sync', container, 'sh', '-c', `${ESCAPES}\nsleep 5000`);
    await eventually('the command', async () => ((await processes()).length >= 5 ? true : undefined));
    await restartDavitd({ kill: true });
    expect((await lost).code).not.toBe(0);
    await nothingLeft();
    expect(await containerStatus(container)).toMatchObject({ state: 'CONTAINER_RUNNING' });
  });
});
