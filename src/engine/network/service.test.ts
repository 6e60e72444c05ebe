import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isKind } from '../errors.ts';
import { newSandboxId } from '../ids.ts';
import { createNetworkService } from './index.ts';
import type { AttachRequest, NetworkService, NetworkServiceDeps } from './index.ts';
import { addsAddress, refuses, seenCalls, writePlugin } from './plugin-script.fixture.ts';
import type { SeenCall } from './plugin-script.fixture.ts';

const { signal } = new AbortController();
/** A namespace that is there on every Linux. */
const NETNS = '/proc/self/ns/net';

let root: string;
let bin: string;
let conf: string;
let warnings: string[];
let service: NetworkService;

function note(_fields: object, message: string): void {
  warnings.push(message);
}

function make(more: Partial<NetworkServiceDeps['config']> = {}, cniTimeoutMs = 20_000): NetworkService {
  return createNetworkService({
    logger: { debug: () => undefined, info: () => undefined, warn: note, error: note },
    config: {
      root,
      cniConfDir: [conf],
      cniBinDir: [join(root, 'no-bin'), bin],
      builtinNetwork: false,
      network: { builtinSubnet: ['10.88.0.0/16'], cniTimeoutMs, cniGc: false, ipPreference: 'cni' },
      limits: { concurrentWork: 4, workPatienceMs: 60_000 },
      ...more,
    },
  });
}

function request(more: Partial<AttachRequest> = {}): AttachRequest {
  return {
    sandboxId: newSandboxId(),
    netns: NETNS,
    metadata: { name: 'web-0', namespace: 'shop', uid: 'u-1', attempt: 0 },
    annotations: {},
    portMappings: [],
    ...more,
  };
}

async function configure(plugins: readonly object[], more: object = {}): Promise<void> {
  await writeFile(join(conf, '10.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins, ...more }));
}

async function verbs(): Promise<readonly string[]> {
  return (await seenCalls(bin)).map(({ verb, type }) => `${verb} ${type}`);
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dvnet'));
  bin = join(root, 'bin');
  conf = join(root, 'net.d');
  warnings = [];
  await mkdir(bin);
  await mkdir(conf);
  await writePlugin(bin, 'first', addsAddress('10.1.0.5/24'));
  await writePlugin(bin, 'second', refuses('none'));
  await configure([{ type: 'first', mtu: 1400, capabilities: { portMappings: true } }, { type: 'second' }]);
  service = make();
  await service.start(signal);
});
afterEach(async () => {
  await service.close();
  await rm(root, { recursive: true });
});

describe('NetworkService.attach()', () => {
  it('runs the chain as the specification says and returns the addresses', async () => {
    const asked = request({ portMappings: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] });
    const network = await service.attach(asked, signal);
    expect(network.ips).toEqual(['10.1.0.5']);
    expect(network.cniResult).toEqual({ cniVersion: '1.0.0', ips: [{ address: '10.1.0.5/24' }] });
    const [first, second] = (await seenCalls(bin)) as [SeenCall, SeenCall];
    expect(first.env).toMatchObject({
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: asked.sandboxId,
      CNI_NETNS: NETNS,
      CNI_IFNAME: 'eth0',
      CNI_PATH: `${join(root, 'no-bin')}:${bin}`,
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=${asked.sandboxId};K8S_POD_UID=u-1`,
    });
    expect(first.config).toEqual({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'first',
      mtu: 1400,
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
    });
    expect(second.config).toEqual({ cniVersion: '1.0.0', name: 'net', type: 'second', prevResult: network.cniResult });
    expect(await service.attachments()).toEqual([asked.sandboxId]);
  });

  it('takes back what was added when a plugin refuses, and owes nothing then', async () => {
    await writePlugin(bin, 'second', refuses('ADD'));
    await writePlugin(bin, 'third', refuses('none'));
    await configure([{ type: 'first' }, { type: 'second' }, { type: 'third' }]);
    const error = await failureOf(service.attach(request(), signal));
    expect(String(error)).toContain('CNI plugin "second" (ADD, network "net") failed: not today (CNI error 100)');
    expect(await verbs()).toEqual(['ADD first', 'ADD second', 'DEL second', 'DEL first']);
    expect((await seenCalls(bin))[3]?.config['prevResult']).toEqual({
      cniVersion: '1.0.0',
      ips: [{ address: '10.1.0.5/24' }],
    });
    expect(await service.attachments()).toEqual([]);
  });

  it('goes on when a plugin that refused ADD refuses DEL as well', async () => {
    await writePlugin(bin, 'second', refuses('*'));
    await failureOf(service.attach(request(), signal));
    expect(await verbs()).toEqual(['ADD first', 'ADD second', 'DEL second', 'DEL first']);
    expect(warnings).toContain('DEL of a plugin that had refused ADD failed');
    expect(await service.attachments()).toEqual([]);
  });

  it('still owes what could not be taken back, until a detach can', async () => {
    await writePlugin(bin, 'first', `[ $CNI_COMMAND = DEL ] && exit 3; ${addsAddress('10.1.0.5/24')}`);
    await writePlugin(bin, 'second', refuses('ADD'));
    const asked = request();
    const error = await failureOf(service.attach(asked, signal));
    expect(String(error)).toMatch(/attachment not taken back .*"first" \(DEL.*exited with 3/);
    expect(String(error)).toMatch(/not today/);
    expect(await service.attachments()).toEqual([asked.sandboxId]);
    await expect(service.detach(asked.sandboxId, NETNS, signal)).rejects.toThrow(/"first" \(DEL/);
    await writePlugin(bin, 'first', addsAddress('10.1.0.5/24'));
    await service.detach(asked.sandboxId, NETNS, signal);
    expect(await service.attachments()).toEqual([]);
  });

  it('kills a plugin that hangs, with its children, and takes back', async () => {
    await writePlugin(
      bin,
      'second',
      `[ $CNI_COMMAND = DEL ] && exit 0; sleep 1000 & echo $! > ${root}/child; echo $$ > ${root}/self; wait`,
    );
    await service.close();
    service = make({}, 1_500);
    await service.start(signal);
    const error = await failureOf(service.attach(request(), signal));
    expect(isKind(error, 'deadline-exceeded')).toBe(true);
    expect(String(error)).toContain(
      'CNI plugin "second" (ADD, network "net") was killed: the operation did not end within 1.5 s',
    );
    expect(await verbs()).toEqual(['ADD first', 'ADD second', 'DEL second', 'DEL first']);
    await expect.poll(() => isAlive('child')).toBe(false);
    await expect.poll(() => isAlive('self')).toBe(false);
  });

  it('kills and takes back when the caller has gone', async () => {
    await writePlugin(bin, 'second', '[ $CNI_COMMAND = DEL ] && exit 0; exec sleep 1000');
    const controller = new AbortController();
    const work = failureOf(service.attach(request(), controller.signal));
    await expect.poll(verbs).toEqual(['ADD first', 'ADD second']);
    controller.abort(new Error('gone'));
    const error = await work;
    expect(isKind(error, 'cancelled')).toBe(true);
    expect(await verbs()).toEqual(['ADD first', 'ADD second', 'DEL second', 'DEL first']);
    expect(await service.attachments()).toEqual([]);
  });

  it('begins nothing when a binary is missing, and names the folders', async () => {
    await configure([{ type: 'first' }, { type: 'absent' }]);
    const error = await failureOf(service.attach(request(), signal));
    expect(String(error)).toContain(`CNI plugin "absent" of network "net" is not in ${join(root, 'no-bin')}, ${bin}`);
    expect(await verbs()).toEqual([]);
    expect(await service.attachments()).toEqual([]);
  });

  it('refuses a result without an address, and one that is too large', async () => {
    await configure([{ type: 'first' }]);
    await writePlugin(bin, 'first', '[ $CNI_COMMAND = ADD ] && echo "{}"; exit 0');
    await expect(service.attach(request(), signal)).rejects.toThrow(/gave the pod no address/);
    await writePlugin(bin, 'first', '[ $CNI_COMMAND = ADD ] && exec yes; exit 0');
    await expect(service.attach(request(), signal)).rejects.toThrow(/printed more than a result can be/);
    await writePlugin(bin, 'first', 'exit 0');
    await expect(service.attach(request(), signal)).rejects.toThrow(/printed no result/);
    expect(await service.attachments()).toEqual([]);
  });

  it('does not wait for a process that the plugin left behind with its output open', async () => {
    await configure([{ type: 'first' }]);
    await writePlugin(bin, 'first', `setsid sleep 3 & ${addsAddress('10.1.0.5/24')}`);
    expect((await service.attach(request(), signal)).ips).toEqual(['10.1.0.5']);
  });

  it("takes a handler's own folder, and reads the configuration as it is now", async () => {
    const own = join(root, 'own.d');
    await mkdir(own);
    await expect(service.attach(request({ confDir: own }), signal)).rejects.toThrow(`no CNI configuration in ${own}`);
    await writeFile(join(own, '10.conf'), JSON.stringify({ name: 'own', cniVersion: '1.0.0', type: 'first' }));
    await service.attach(request({ confDir: own }), signal);
    expect((await seenCalls(bin))[0]?.config['name']).toBe('own');
  });

  it('says already-exists for a pod that has an attachment, and keeps it', async () => {
    const asked = request();
    await service.attach(asked, signal);
    expect(isKind(await failureOf(service.attach(asked, signal)), 'already-exists')).toBe(true);
    expect(await service.attachments()).toEqual([asked.sandboxId]);
  });

  it('names the field that CNI_ARGS or a capability cannot hold', async () => {
    const metadata = { ...request().metadata, name: 'a;K8S_POD_NAMESPACE=kube-system' };
    await expect(service.attach(request({ metadata }), signal)).rejects.toThrow(/^config\.metadata\.name: /);
    const annotations = { 'kubernetes.io/ingress-bandwidth': 'lots' };
    await expect(service.attach(request({ annotations }), signal)).rejects.toThrow(/^config\.annotations\[/);
    expect(await verbs()).toEqual([]);
  });

  it('warns when nothing in the chain can do host ports', async () => {
    await configure([{ type: 'first' }]);
    await service.attach(request({ portMappings: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] }), signal);
    expect(warnings).toEqual(['the pod has host ports and no plugin of the network declares portMappings']);
  });
});

describe('NetworkService.detach()', () => {
  it('runs the chain in reverse by what was kept, when configuration and namespace are gone', async () => {
    const netns = join(root, 'gone');
    const asked = request({ netns, portMappings: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] });
    const { cniResult } = await service.attach(asked, signal);
    await rm(join(conf, '10.conflist'));
    await service.close();
    service = make();
    await service.start(signal);
    await service.detach(asked.sandboxId, netns, signal);
    const [, , second, first] = await seenCalls(bin);
    expect(second).toMatchObject({
      type: 'second',
      verb: 'DEL',
      env: { CNI_NETNS: '' },
      config: { prevResult: cniResult },
    });
    expect(first?.config).toMatchObject({
      runtimeConfig: { portMappings: [{ hostPort: 8080 }] },
      prevResult: cniResult,
    });
    expect(first?.env['CNI_CONTAINERID']).toBe(asked.sandboxId);
    expect(await readdir(join(root, 'network'))).toEqual([]);
  });

  it('is success for a pod that is not attached, and when it is called twice at once', async () => {
    await service.detach(newSandboxId(), undefined, signal);
    const asked = request();
    await service.attach(asked, signal);
    await Promise.all([service.detach(asked.sandboxId, NETNS, signal), service.detach(asked.sandboxId, NETNS, signal)]);
    expect(await verbs()).toEqual(['ADD first', 'ADD second', 'DEL second', 'DEL first']);
  });

  it('stops at the first failure and keeps what is owed', async () => {
    const asked = request();
    await service.attach(asked, signal);
    await writePlugin(bin, 'second', refuses('DEL'));
    await expect(service.detach(asked.sandboxId, NETNS, signal)).rejects.toThrow(/"second" \(DEL.*not today/);
    expect(await verbs()).toEqual(['ADD first', 'ADD second', 'DEL second']);
    expect(await service.attachments()).toEqual([asked.sandboxId]);
  });

  it('goes to every plugin when a killed daemon left a request', async () => {
    await writePlugin(bin, 'first', `exec sleep 1000`);
    const asked = request();
    const controller = new AbortController();
    const work = failureOf(service.attach(asked, controller.signal));
    await expect.poll(verbs).toEqual(['ADD first']);
    const next = make();
    await next.start(signal);
    expect(await next.attachments()).toEqual([asked.sandboxId]);
    await writePlugin(bin, 'first', addsAddress('10.1.0.5/24'));
    await next.detach(asked.sandboxId, NETNS, signal);
    expect(await verbs()).toEqual(['ADD first', 'DEL second', 'DEL first']);
    await next.close();
    controller.abort();
    await work;
  });

  it('finds a plugin that has moved', async () => {
    const asked = request();
    await service.attach(asked, signal);
    const moved = join(root, 'moved');
    await mkdir(moved);
    await writePlugin(moved, 'first', addsAddress('10.1.0.5/24'));
    await writePlugin(moved, 'second', refuses('none'));
    await rm(bin, { recursive: true });
    await service.close();
    service = make({ cniBinDir: [moved] });
    await service.start(signal);
    await service.detach(asked.sandboxId, NETNS, signal);
    expect((await seenCalls(moved)).map(({ verb }) => verb)).toEqual(['DEL', 'DEL']);
  });
});

describe('NetworkService.check()', () => {
  it('asks every plugin in order with the last result', async () => {
    const asked = request();
    const { cniResult } = await service.attach(asked, signal);
    await service.check(asked.sandboxId, signal);
    const calls = (await seenCalls(bin)).slice(2);
    expect(calls.map(({ verb, type }) => `${verb} ${type}`)).toEqual(['CHECK first', 'CHECK second']);
    expect(calls[0]?.config['prevResult']).toEqual(cniResult);
    await writePlugin(bin, 'second', refuses('CHECK'));
    await expect(service.check(asked.sandboxId, signal)).rejects.toThrow(/"second" \(CHECK/);
  });

  it.each([{ disableCheck: true }, { cniVersion: '0.3.1' }])('is not run with %j', async (more) => {
    await configure([{ type: 'first' }], more);
    const asked = request();
    await service.attach(asked, signal);
    await service.check(asked.sandboxId, signal);
    expect(await verbs()).toEqual(['ADD first']);
  });

  it('says that a pod is not attached', async () => {
    expect(isKind(await failureOf(service.check(newSandboxId(), signal)), 'failed-precondition')).toBe(true);
  });
});

describe('NetworkService.status()', () => {
  it('follows configuration and plugins', async () => {
    expect(service.status()).toMatchObject({ ready: true });
    await configure([{ type: 'absent' }]);
    await expect.poll(() => service.status().reason).toBe('CNIPluginMissing');
    await writeFile(join(conf, '10.conflist'), '{');
    await expect.poll(() => service.status().reason).toBe('CNIConfigInvalid');
    expect(service.status().message).toContain(join(conf, '10.conflist'));
    await rm(join(conf, '10.conflist'));
    await expect.poll(() => service.status().reason).toBe('CNIConfigMissing');
  });

  it('asks STATUS of plugins of version 1.1.0', async () => {
    await writePlugin(bin, 'first', refuses('STATUS'));
    await configure([{ type: 'first' }], { cniVersion: '1.1.0' });
    await expect
      .poll(() => service.status())
      .toMatchObject({ reason: 'CNIPluginNotReady', message: expect.stringContaining('not today') });
    const [call] = await seenCalls(bin);
    expect(call?.env).toEqual({ CNI_COMMAND: 'STATUS', CNI_PATH: `${join(root, 'no-bin')}:${bin}` });
    await writePlugin(bin, 'other', refuses('none'));
    await configure([{ type: 'other' }], { cniVersion: '1.1.0' });
    await expect.poll(() => service.status().ready).toBe(true);
  });

  it('is not ready before the first look', () => {
    expect(make().status()).toMatchObject({ ready: false, reason: 'CNINotLoaded' });
  });
});

describe('NetworkService.gc()', () => {
  it('tells plugins what is valid, when it is switched on and they know the verb', async () => {
    const asked = request();
    await service.attach(asked, signal);
    await service.gc(signal);
    await configure([{ type: 'first' }], { cniVersion: '1.1.0' });
    await service.gc(signal);
    expect(await verbs()).not.toContain('GC first');
    const cleaner = make({ network: { builtinSubnet: [], cniTimeoutMs: 20_000, cniGc: true, ipPreference: 'cni' } });
    await cleaner.gc(signal);
    const call = (await seenCalls(bin)).find(({ verb }) => verb === 'GC');
    expect(call?.config['cni.dev/valid-attachments']).toEqual([{ containerID: asked.sandboxId, ifname: 'eth0' }]);
  });
});

/** Whether the process whose pid is in the file is there and not merely a zombie. */
async function isAlive(file: string): Promise<boolean> {
  const pid = (await readFile(join(root, file), 'utf8')).trim();
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text !== undefined && text[text.lastIndexOf(')') + 2] !== 'Z';
}
