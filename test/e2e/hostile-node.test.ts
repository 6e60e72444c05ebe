import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectCri } from './support/cri-client.ts';
import type { CriClient } from './support/cri-client.ts';
import { Daemon } from './support/daemon.ts';
import { DeadMount } from './support/dead-mount.ts';
import { left } from './support/kernel.ts';
import { BUSYBOX, eventually, nodeEnv } from './support/node.ts';
import { footprintOf } from './support/own-footprint.ts';
import { OwnNetwork } from './support/own-network.ts';
import { must, run } from './support/run.ts';

/** Of the 256 networks that tests have. */
const NETWORK = 32;
const NAMESPACE = 'davit-hostile';
const CGROUPS = `/davit-hostile-${nodeEnv()['DAVIT_NODE']}`;
const DEADLINE_EXCEEDED = 4;
const SLOW_SECONDS = 3;

let work: string;
let network: OwnNetwork;
let daemon: Daemon;
let cri: CriClient;
let clean: readonly string[];

beforeAll(async () => {
  const { CONTAINERD_ADDRESS: containerd = '', DAVIT_NODE: node = '' } = nodeEnv();
  work = await mkdtemp('/run/dvh');
  network = new OwnNetwork(work, NETWORK);
  await network.write([{ type: 'moody', capabilities: { portMappings: true } }]);
  await network.writePlugin('moody', await plugin());
  await writeScript('runc', await wrapper('runc', 'create|start|kill|delete'));
  await writeScript('shim', await wrapper('containerd-shim-runc-v2', 'start|delete'));
  const config = join(work, 'config.toml');
  const handlers = `[handlers.moody]\nbinary = "${join(work, 'runc')}"\n[handlers.shim]\ntype = "${join(work, 'shim')}"\n`;
  await writeFile(config, handlers);
  const on = ['--config', config, '--containerd-address', containerd, '--containerd-namespace', NAMESPACE];
  daemon = await Daemon.start([...on, '--registry-config-path', `/run/davit-${node}/certs.d`, ...network.flags]);
  cri = connectCri({ address: daemon.endpoint });
  await daemon.mustCrictl('pull', BUSYBOX);
  await stopAndRemove(await pod('warm-up'));
  clean = await footprint();
});

afterEach(async () => {
  const { items } = await cri.call<{ items: { id: string }[] }>('ListPodSandbox', {});
  for (const { id } of items) await stopAndRemove(id);
});

afterAll(async () => {
  cri?.[Symbol.dispose]();
  await daemon?.mustCrictl('rmi', '--all');
  await daemon?.[Symbol.asyncDispose]();
  await network?.[Symbol.asyncDispose]();
  await run('ctr', ['namespaces', 'rm', NAMESPACE], nodeEnv());
  await run('find', ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*${CGROUPS}`, '-delete']);
  await rm(work, { recursive: true, force: true });
});

/** What the next call of a verb of plugin, runtime or shim does, once: `ADD fail`, `start slow`, `create fail-after`. */
async function mood(of: 'moody' | 'runc' | 'shim', what: string): Promise<void> {
  await writeFile(join(work, `${of}.mood`), what);
}

/** Acts on the mood that is written for it and goes on to the real one. */
function acting(name: string, verb: string, real: string): string {
  return `mood=$(cat ${work}/${name}.mood 2>/dev/null)
case "$mood" in
"${verb} fail") rm -f ${work}/${name}.mood; echo "injected failure of ${verb}" >&2; exit 1 ;;
"${verb} slow") rm -f ${work}/${name}.mood; sleep ${SLOW_SECONDS} ;;
"${verb} fail-after") rm -f ${work}/${name}.mood; ${real} </dev/null >/dev/null 2>&1; echo "injected failure after ${verb}" >&2; exit 1 ;;
esac`;
}

/** The real portmap, which hands on what the bridge has made. */
async function plugin(): Promise<string> {
  const real = await must('sh', ['-c', 'ls /opt/cni/bin/portmap /usr/lib/cni/portmap 2>/dev/null | head -n 1']);
  return `echo $CNI_COMMAND >> ${work}/asked
${acting('moody', '$CNI_COMMAND', 'true')}
exec ${real}`;
}

async function wrapper(program: string, verbs: string): Promise<string> {
  const real = await must('sh', ['-c', `command -v ${program}`], nodeEnv());
  const name = program === 'runc' ? 'runc' : 'shim';
  return `for word; do case $word in ${verbs}) verb=$word; break ;; esac; done
${acting(name, '$verb', `${real} "$@"`)}
exec ${real} "$@"`;
}

async function writeScript(name: string, script: string): Promise<void> {
  await writeFile(join(work, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

async function footprint(): Promise<readonly string[]> {
  return await footprintOf({ daemon, network, namespace: NAMESPACE, cgroupParent: CGROUPS });
}

async function stopAndRemove(podSandboxId: string): Promise<void> {
  await cri.call('StopPodSandbox', { podSandboxId });
  await cri.call('RemovePodSandbox', { podSandboxId });
}

function podConfig(name: string): object {
  return {
    metadata: { name, uid: `uid-${name}`, namespace: 'default' },
    logDirectory: join(daemon.dir, 'logs', name),
    linux: { cgroupParent: CGROUPS },
  };
}

async function pod(name: string, runtimeHandler = '', deadlineMs = 60_000): Promise<string> {
  const request = { config: podConfig(name), runtimeHandler };
  return (await cri.call<{ podSandboxId: string }>('RunPodSandbox', request, { deadlineMs })).podSandboxId;
}

async function create(podSandboxId: string, name: string, config: object = {}): Promise<string> {
  const whole = {
    metadata: { name },
    image: { image: BUSYBOX },
    command: ['sleep', '1000'],
    logPath: `${name}.log`,
    linux: {},
    ...config,
  };
  const request = { podSandboxId, config: whole, sandboxConfig: podConfig(name) };
  return (await cri.call<{ containerId: string }>('CreateContainer', request)).containerId;
}

/** What is left when all pods are removed; what goes by itself within some seconds is nothing. */
async function leftovers(): Promise<readonly string[]> {
  const { items } = await cri.call<{ items: { id: string }[] }>('ListPodSandbox', {});
  for (const { id } of items) await stopAndRemove(id);
  let more: readonly string[] = [];
  await eventually('a clean node', async () => {
    more = left(clean, await footprint());
    return more.length === 0 ? true : undefined;
  }).catch(() => undefined);
  return more;
}

async function asked(command: string): Promise<number> {
  return (await readFile(join(work, 'asked'), 'utf8')).split('\n').filter((line) => line === command).length;
}

describe('a CNI plugin', () => {
  it('that fails behind others which have succeeded leaves nothing of theirs, and is named', async () => {
    await mood('moody', 'ADD fail');
    await expect(pod('add-fails')).rejects.toThrow(/moody.*injected failure of ADD/s);
    expect(left(clean, await footprint())).toEqual([]);
    await pod('add-fails');
    expect(await leftovers()).toEqual([]);
  });

  it('that is slow is waited for by the retry, and asked once', async () => {
    const before = await asked('ADD');
    await mood('moody', 'ADD slow');
    await expect(pod('add-slow', '', 1000)).rejects.toMatchObject({ code: DEADLINE_EXCEEDED });
    const id = await pod('add-slow');
    expect(await asked('ADD')).toBe(before + 1);
    const { items } = await cri.call<{ items: { id: string }[] }>('ListPodSandbox', {});
    expect(items.map((item) => item.id)).toEqual([id]);
    expect(await leftovers()).toEqual([]);
  });

  it('that fails to DEL keeps the pod until a retry, which leaves nothing', async () => {
    const id = await pod('del-fails');
    await mood('moody', 'DEL fail');
    await expect(cri.call('StopPodSandbox', { podSandboxId: id })).rejects.toThrow(/moody.*injected failure of DEL/s);
    await stopAndRemove(id);
    expect(await leftovers()).toEqual([]);
  });

  it('that is slow to DEL holds up nobody else', async () => {
    const id = await pod('del-slow');
    await mood('moody', 'DEL slow');
    const stopping = cri.call('StopPodSandbox', { podSandboxId: id });
    const other = await create(await pod('meanwhile'), 'main');
    await cri.startContainer(other);
    await stopping;
    expect(await leftovers()).toEqual([]);
  });
});

describe.each([
  ['an OCI runtime', 'moody', 'runc', ['create', 'start']],
  ['a shim', 'shim', 'shim', ['start']],
] as const)('%s', (_what, handler, of, verbs) => {
  it.each(verbs.flatMap((verb) => [`${verb} fail`, `${verb} fail-after`]))(
    '(%s) fails the start, and the next attempt runs',
    async (what) => {
      const id = await pod('starts', handler);
      const first = await create(id, 'first');
      await mood(of, what);
      await expect(cri.startContainer(first)).rejects.toThrow(/injected failure|OCI runtime create failed/);
      const { status } = await cri.call<{ status: object }>('ContainerStatus', { containerId: first });
      expect(status).toMatchObject({ state: 'CONTAINER_EXITED', reason: 'StartError', exitCode: 128 });
      const second = await create(id, 'second');
      await cri.startContainer(second);
      await cri.removeContainer(first);
      expect(await leftovers()).toEqual([]);
    },
  );

  it.each(verbs)('(%s) that is slow is waited for, and holds up nobody else', async (verb) => {
    const id = await pod('slow', handler);
    const slow = await create(id, 'slow');
    await mood(of, `${verb} slow`);
    const starting = cri.startContainer(slow);
    const other = await create(await pod('meanwhile'), 'main');
    await cri.startContainer(other);
    await starting;
    expect(await leftovers()).toEqual([]);
  });

  it('(delete fail) keeps nothing of a container that is removed', async () => {
    const id = await pod('delete-fails', handler);
    const container = await create(id, 'main');
    await cri.startContainer(container);
    await mood(of, 'delete fail');
    await cri.call('StopContainer', { containerId: container, timeout: 0 }).catch(() => undefined);
    await eventually('the removal', async () =>
      cri.removeContainer(container).then(
        () => true,
        () => undefined,
      ),
    );
    expect(await leftovers()).toEqual([]);
  });
});

describe('a host path that hangs', () => {
  it('blocks the create that needs it and no other, and is named', async () => {
    await using dead = await DeadMount.make(join(work, 'dead'));
    const id = await pod('dead-mount');
    const mounts = [{ hostPath: join(dead.path, 'volume'), containerPath: '/volume' }];
    const blocked = create(id, 'blocked', { mounts });
    // More than the threads that Node has for files: were one of them held by each, all else would stand still.
    const others = Promise.all(
      Array.from({ length: 6 }, (_, n) => create(id, `blocked-${n}`, { mounts }).catch(String)),
    );
    const free = await create(id, 'free');
    await cri.startContainer(free);
    await expect(blocked).rejects.toMatchObject({
      code: DEADLINE_EXCEEDED,
      message: expect.stringMatching(/mounts\[0\]\.host_path: .*\/dead\/volume hangs/),
    });
    await others;
    expect(await leftovers()).toEqual([]);
  });

  it('and is the folder of logs fails that start alone: the output of others goes on', async () => {
    await using dead = await DeadMount.make(join(work, 'dead'));
    const config = { ...podConfig('dead-logs'), logDirectory: join(dead.path, 'logs') };
    const { podSandboxId } = await cri.call<{ podSandboxId: string }>('RunPodSandbox', { config });
    const first = await create(podSandboxId, 'dead');
    const starting = cri.startContainer(first).then(() => 'started', String);
    const talker = await create(await pod('talks'), 'main', { command: ['echo', 'still heard'] });
    await cri.startContainer(talker);
    await cri.exited(talker);
    expect(await readFile(join(daemon.dir, 'logs/talks/main.log'), 'utf8')).toMatch(/ stdout F still heard\n$/);
    expect(await starting).toMatch(/log folder .*dead\/logs hangs/);
    expect(await leftovers()).toEqual([]);
  });
});
