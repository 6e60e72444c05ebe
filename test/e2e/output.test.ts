import { cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { Daemon, isAlive } from './support/daemon.ts';
import { BUSYBOX, eventually, nodeEnv } from './support/node.ts';
import { must, run } from './support/run.ts';
import { SteadyWriter } from './support/steady-writer.ts';
import type { Written } from './support/steady-writer.ts';

const ALL = process.env['DAVIT_TEST_ALL'] === '1';
const OUTAGE_MS = ALL ? 30_000 : 8000;
const KILLS = ALL ? 20 : 5;
const UPGRADES = ALL ? 6 : 2;
/** What a container may be kept waiting, beyond what the machine itself does. */
const PAUSE_LIMIT_MS = 1000;
/** As long as the kubelet waits for a stop. */
const REMOVAL_MS = 120_000;
/** The kubelet's patience for a start; a pump that is stopped is replaced after some eight seconds. */
const REPLACED_MS = 120_000;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIST = join(ROOT, 'dist/');
/** A davit whose pump is another build. Below node_modules, where it finds koffi. */
const OTHER_DIST = join(ROOT, 'node_modules/.cache/davit-other/');
const NAMESPACE = 'davit-output';

let daemon: Daemon;
let cri: CriClient;

beforeAll(async () => {
  await rm(OTHER_DIST, { recursive: true, force: true });
  await cp(DIST, OTHER_DIST, { recursive: true });
  await writeFile(join(OTHER_DIST, 'davit-pump.js'), '// another build\n', { flag: 'a' });
  const { CONTAINERD_ADDRESS: containerd = '', DAVIT_NODE: node = '' } = nodeEnv();
  const on = ['--containerd-address', containerd, '--containerd-namespace', NAMESPACE];
  daemon = await Daemon.start([...on, '--registry-config-path', `/run/davit-${node}/certs.d`]);
  cri = connectCri({ address: daemon.endpoint });
  await daemon.mustCrictl('pull', BUSYBOX);
});

afterAll(async () => {
  cri?.[Symbol.dispose]();
  await daemon?.mustCrictl('rmi', '--all');
  await daemon?.[Symbol.asyncDispose]();
  await run('ctr', ['namespaces', 'rm', NAMESPACE], nodeEnv());
  await rm(OTHER_DIST, { recursive: true, force: true });
});

async function pumpPid(): Promise<number> {
  return Number(await readFile(join(daemon.state, 'pump', 'lock'), 'utf8'));
}

/** Waits for a pump that serves and is not `before`. */
async function nextPump(before: number): Promise<number> {
  return await eventually('another davit-pump', async () => {
    const pid = await pumpPid();
    return pid !== before && pid > 0 && (await isAlive(pid)) ? pid : undefined;
  });
}

/** How long a process of Node takes to start here and now: a pump that was killed is away for at least that. */
async function nodeStartMs(): Promise<number> {
  const began = performance.now();
  await run(process.execPath, ['-e', '0']);
  return performance.now() - began;
}

/** Every line once and in order, and no pause that the machine has not made itself. */
async function expectWhole(writer: SteadyWriter, written: Written, allowanceMs = 0): Promise<void> {
  expect(written.firstWrong).toBeUndefined();
  expect(written.lines).toBe(written.last);
  const machine = await writer.machinePauseMs();
  console.log(JSON.stringify({ ...written, machinePauseMs: machine }));
  expect(written.longestPauseMs).toBeLessThan(PAUSE_LIMIT_MS + allowanceMs + machine);
}

describe('a container that writes 5 MB/s', () => {
  it('is logged while davitd is gone, each byte once and at its time, and never blocks', async () => {
    const writer = await SteadyWriter.start(cri, daemon.dir, { name: 'outage' });
    await daemon.end('KILL');
    const from = Date.now();
    await sleep(OUTAGE_MS);
    const to = Date.now();
    await daemon.start();
    const written = await writer.finish(from, to);
    await expectWhole(writer, written);
    expect(written.longestLogPauseMs).toBeLessThan(PAUSE_LIMIT_MS + (await writer.machinePauseMs()));
    expect(written.lines * 900).toBeGreaterThan((OUTAGE_MS / 1000) * 4_000_000);
    await cri.call('RemovePodSandbox', { podSandboxId: writer.podId });
  });

  it('is logged while davitd and its pump are replaced by another build', async () => {
    const writer = await SteadyWriter.start(cri, daemon.dir, { name: 'upgrade' });
    const from = Date.now();
    const pids = [await pumpPid()];
    for (let n = 0; n < UPGRADES; n++) {
      await daemon.end('TERM');
      await daemon.start(n % 2 === 0 ? OTHER_DIST : DIST);
      pids.push(await nextPump(pids.at(-1) ?? 0));
      expect(await isAlive(pids.at(-2) ?? 0)).toBe(false);
    }
    await expectWhole(writer, await writer.finish(from, Date.now()));
    await cri.call('RemovePodSandbox', { podSandboxId: writer.podId });
  });

  it.each([false, true])('is logged while the pump is killed, over and over (terminal: %s)', async (tty) => {
    const writer = await SteadyWriter.start(cri, daemon.dir, { name: `kills-${tty}`, tty });
    const from = Date.now();
    const rotated: string[] = [];
    let slowestStartMs = 0;
    for (let n = 0; n < KILLS; n++) {
      const pid = await pumpPid();
      process.kill(pid, 'SIGKILL');
      const next = nextPump(pid);
      if (n % 2 === 0) {
        // The kubelet rotates while nobody is there to be asked.
        rotated.push(`${writer.logPath}.${n}`);
        await rename(writer.logPath, rotated.at(-1) ?? '');
        await cri.call('ReopenContainerLog', { containerId: writer.id });
      }
      await next;
      slowestStartMs = Math.max(slowestStartMs, await nodeStartMs());
    }
    const written = await writer.finish(from, Date.now(), rotated);
    await expectWhole(writer, written, slowestStartMs);
    expect(written.lines).toBeGreaterThan(0);
    await cri.call('RemovePodSandbox', { podSandboxId: writer.podId });
  });
});

describe('a pump that lives and hangs', () => {
  it('is replaced: who needs it is served, and what is written meanwhile is logged once', async () => {
    const writer = await SteadyWriter.start(cri, daemon.dir, { name: 'hangs' });
    const from = Date.now();
    const pid = await pumpPid();
    process.kill(pid, 'SIGSTOP');
    const beside = await cri.createContainer({ id: writer.podId }, { name: 'beside', command: ['echo', 'served'] });
    await cri.call('StartContainer', { containerId: beside }, { deadlineMs: REPLACED_MS });
    expect(await pumpPid()).not.toBe(pid);
    expect(await isAlive(pid)).toBe(false);
    await cri.exited(beside);
    const written = await writer.finish(from, Date.now());
    expect(written.firstWrong).toBeUndefined();
    expect(written.lines).toBe(written.last);
    expect(await readFile(join(daemon.dir, 'davitd.log'), 'utf8')).toMatch(
      /"why":"a signal or a debugger has stopped it".*"davit-pump hangs"/,
    );
    await cri.call('RemovePodSandbox', { podSandboxId: writer.podId });
  });
});

describe('a container whose log has no room', () => {
  it('waits in its write, others go on, and it can be stopped and removed', async () => {
    const logs = join(daemon.dir, 'small');
    await mkdir(logs);
    await must('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'davit-test', logs]);
    try {
      const linux = { securityContext: { namespaceOptions: { network: 'NODE' } } };
      const podSandboxId = await cri.runPod('full', { logDirectory: logs, linux });
      const containerId = await cri.createContainer(
        { id: podSandboxId },
        { name: 'main', command: ['seq', '9999999'] },
      );
      await cri.startContainer(containerId);
      await eventually('a full log', async () =>
        (await stat(join(logs, 'main.log'))).size > 900_000 ? true : undefined,
      );
      const other = await SteadyWriter.start(cri, daemon.dir, { name: 'beside' });
      await expectWhole(other, await other.finish(0, 0));
      await cri.call('StopContainer', { containerId, timeout: 0 }, { deadlineMs: REMOVAL_MS });
      await cri.call('RemovePodSandbox', { podSandboxId }, { deadlineMs: REMOVAL_MS });
      await cri.call('RemovePodSandbox', { podSandboxId: other.podId });
    } finally {
      await must('umount', ['-l', logs]);
    }
    const { items } = await cri.call<{ items: unknown[] }>('ListPodSandbox', {});
    expect(items).toEqual([]);
  });
});
