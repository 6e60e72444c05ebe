import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSandboxId } from '../../src/engine/ids.ts';
import type { SandboxId } from '../../src/engine/ids.ts';
import { createNamespaceService, NAMESPACE_WORKER_SOURCE } from '../../src/engine/runtime/namespaces/index.ts';
import type { NamespaceService } from '../../src/engine/runtime/namespaces/index.ts';
import type { PortMapping } from '../../src/engine/types/index.ts';
import { createNetworkService } from '../../src/engine/network/index.ts';
import type { AttachRequest, NetworkService } from '../../src/engine/network/index.ts';
import { refuses, writePlugin } from '../../src/engine/network/plugin-script.fixture.ts';

const { signal } = new AbortController();
const nobody = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const builtin = { name: 'dvt', bridge: 'dvt0' };
const subnets = ['10.231.0.0/24', 'fd00:231::/64'];
const PLUGINS = '/usr/lib/cni';
const ADDRESSES = `/var/lib/cni/networks/${builtin.name}`;
const HOST_PORT = 39231;

let root: string;
let conf: string;
let bin: string;
let namespaces: NamespaceService;
let network: NetworkService;
let servers: ChildProcess[];

function make(builtinNetwork: boolean, cniTimeoutMs = 30_000): NetworkService {
  return createNetworkService({
    logger: nobody,
    builtin,
    config: {
      root,
      cniConfDir: [conf],
      cniBinDir: [bin, PLUGINS],
      builtinNetwork,
      network: { builtinSubnet: subnets, cniTimeoutMs, cniGc: false, ipPreference: 'cni' },
      limits: { concurrentWork: 4, workPatienceMs: 60_000 },
    },
  });
}

/** Makes a namespace and attaches it. */
async function pod(
  more: Partial<AttachRequest> = {},
): Promise<{ id: SandboxId; netns: string; ips: readonly string[] }> {
  const { id, netns } = await namespace();
  const { ips } = await network.attach({ ...request(id, netns), ...more }, signal);
  return { id, netns, ips };
}

async function namespace(): Promise<{ id: SandboxId; netns: string }> {
  const id = newSandboxId();
  const own = { network: true, ipc: false, uts: false, sysctls: {} };
  const { network: netns = '' } = await namespaces.create(id, own, signal);
  return { id, netns };
}

function request(sandboxId: SandboxId, netns: string): AttachRequest {
  const metadata = { name: 'web-0', namespace: 'shop', uid: 'u-1', attempt: 0 };
  return { sandboxId, netns, metadata, annotations: {}, portMappings: [] };
}

/** Serves TCP in the namespace: answers each connection with `word`. */
async function serve(netns: string, port: number, word: string): Promise<void> {
  const code = `require('node:net').createServer((s) => s.end(${JSON.stringify(word)})).listen(${port}, '::', () => console.log('up'))`;
  const server = spawn('nsenter', [`--net=${netns}`, process.execPath, '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(server);
  await once(server.stdout, 'data');
}

async function ask(host: string, port: number): Promise<string> {
  const socket = connect({ host, port, timeout: 5_000 });
  socket.once('timeout', () => socket.destroy(new Error(`no answer from ${host} ${port}`)));
  const chunks: Buffer[] = await socket.toArray();
  return Buffer.concat(chunks).toString();
}

function askFrom(netns: string, host: string, port: number): string {
  const code = `require('node:net').connect({ host: '${host}', port: ${port} }).setTimeout(5000, () => process.exit(1)).pipe(process.stdout)`;
  return execFileSync('nsenter', [`--net=${netns}`, process.execPath, '-e', code], { encoding: 'utf8' });
}

function ownAddress(): string {
  const all = Object.entries(networkInterfaces()).filter(([name]) => name !== builtin.bridge);
  const found = all.flatMap(([, list]) => list ?? []).find(({ internal, family }) => !internal && family === 'IPv4');
  if (found === undefined) throw new Error('this machine has no address to ask');
  return found.address;
}

/** Whatever on this machine still speaks of the sandboxes or of an address of the test's ranges. */
function leftovers(ids: readonly SandboxId[]): readonly string[] {
  const rules = ['iptables-save', 'ip6tables-save'].flatMap((tool) =>
    execFileSync(tool, { encoding: 'utf8' }).split('\n'),
  );
  const words = [...ids, '10.231.0.', 'fd00:231::'];
  const leases = existsSync(ADDRESSES) ? readdirSync(ADDRESSES).filter((name) => /^[0-9a-f]+[.:]/.test(name)) : [];
  const ports = existsSync(`/sys/class/net/${builtin.bridge}/brif`)
    ? readdirSync(`/sys/class/net/${builtin.bridge}/brif`)
    : [];
  const records = readdirSync(join(root, 'network'));
  return [...rules.filter((rule) => words.some((word) => rule.includes(word))), ...leases, ...ports, ...records];
}

/** Removes the rules of the bridge plugin that name the sandbox, and their chains. */
function removeMasquerade(id: SandboxId): void {
  for (const tool of ['iptables', 'ip6tables']) {
    const rules = execFileSync(`${tool}-save`, ['-t', 'nat'], { encoding: 'utf8' }).split('\n');
    const own = rules.filter((rule) => rule.startsWith('-A POSTROUTING') && rule.includes(id));
    for (const chain of own.map((rule) => rule.slice(rule.lastIndexOf(' ') + 1))) {
      const rule = own.find((rule) => rule.endsWith(chain)) ?? '';
      execFileSync('sh', ['-c', `${tool} -t nat ${rule.replace(/^-A/, '-D')}`]);
      execFileSync(tool, ['-t', 'nat', '-F', chain]);
      execFileSync(tool, ['-t', 'nat', '-X', chain]);
    }
  }
}

beforeEach(async () => {
  root = await mkdtemp('/tmp/dvci');
  conf = join(root, 'net.d');
  bin = join(root, 'bin');
  servers = [];
  await mkdir(conf);
  await mkdir(bin);
  namespaces = createNamespaceService({
    state: join(root, 'state'),
    workerEntry: NAMESPACE_WORKER_SOURCE,
    program: '/nonexistent: these pods have no user namespace',
    logger: nobody,
  });
  await namespaces.start(signal);
  network = make(true);
  await network.start(signal);
});

afterEach(async () => {
  for (const server of servers) server.kill('SIGKILL');
  for (const id of await network.attachments()) await network.detach(id, undefined, signal).catch(() => undefined);
  for (const { sandboxId } of await namespaces.list()) await namespaces.destroy(sandboxId);
  await network.close();
  await namespaces.close();
  await rm(root, { recursive: true });
});

afterAll(async () => {
  if (existsSync(`/sys/class/net/${builtin.bridge}`)) execFileSync('ip', ['link', 'del', builtin.bridge]);
  await rm(ADDRESSES, { recursive: true, force: true });
});

describe('the built-in network', () => {
  it('gives pods addresses of both families that the node and other pods reach, and takes all of it back', async () => {
    expect(network.status()).toEqual({ ready: true, reason: '', message: 'the built-in network' });
    const a = await pod();
    const b = await pod();
    expect(a.ips.map((ip) => ip.replace(/[^.:]+$/, ''))).toEqual(['10.231.0.', 'fd00:231::']);
    await serve(a.netns, 8080, 'hello from a');
    for (const ip of a.ips) {
      expect(await ask(ip, 8080)).toBe('hello from a');
      expect(askFrom(b.netns, ip, 8080)).toBe('hello from a');
      expect(askFrom(a.netns, ip, 8080)).toBe('hello from a');
    }
    await network.check(a.id, signal);
    await network.detach(a.id, a.netns, signal);
    await network.detach(b.id, b.netns, signal);
    expect(leftovers([a.id, b.id])).toEqual([]);
  });

  it("serves host ports on loopback, on the node's own address, from other pods and from the pod itself", async () => {
    const portMappings: readonly PortMapping[] = [{ protocol: 'tcp', containerPort: 8080, hostPort: HOST_PORT }];
    const a = await pod({ portMappings });
    const b = await pod();
    await serve(a.netns, 8080, 'by the port');
    expect(await ask('127.0.0.1', HOST_PORT)).toBe('by the port');
    expect(await ask(ownAddress(), HOST_PORT)).toBe('by the port');
    expect(askFrom(b.netns, ownAddress(), HOST_PORT)).toBe('by the port');
    expect(askFrom(a.netns, ownAddress(), HOST_PORT)).toBe('by the port');
    await network.detach(a.id, a.netns, signal);
    await expect(ask('127.0.0.1', HOST_PORT)).rejects.toThrow(/ECONNREFUSED/);
    await network.detach(b.id, b.netns, signal);
    expect(leftovers([a.id, b.id])).toEqual([]);
  });

  it('frees the address when the namespace is gone', async () => {
    const { id, netns } = await pod({ portMappings: [{ protocol: 'tcp', containerPort: 80, hostPort: HOST_PORT }] });
    await namespaces.destroy(id);
    await network.detach(id, netns, signal);
    await network.detach(id, netns, signal);
    // The bridge plugin looks for the addresses in the namespace, so its masquerade rules stay; nothing else may.
    removeMasquerade(id);
    expect(leftovers([id])).toEqual([]);
    await expect(ask('127.0.0.1', HOST_PORT)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('limits the bandwidth that the annotations ask for', async () => {
    const a = await pod({
      annotations: { 'kubernetes.io/ingress-bandwidth': '10M', 'kubernetes.io/egress-bandwidth': '5M' },
    });
    const rates = execFileSync('tc', ['qdisc'], { encoding: 'utf8' }).match(/tbf .*rate (10|5)Mbit/g);
    expect(rates).toHaveLength(2);
    await network.detach(a.id, a.netns, signal);
    expect(execFileSync('tc', ['qdisc'], { encoding: 'utf8' })).not.toMatch(/tbf .*rate (10|5)Mbit/);
    expect(leftovers([a.id])).toEqual([]);
  });

  it('attaches and detaches many at once', async () => {
    const pods = await Promise.all(Array.from({ length: 8 }, () => pod()));
    expect(new Set(pods.flatMap(({ ips }) => ips)).size).toBe(16);
    await Promise.all(pods.map(({ id, netns }) => network.detach(id, netns, signal)));
    expect(leftovers(pods.map(({ id }) => id))).toEqual([]);
  });
});

describe('a configured network', () => {
  const bridge = { type: 'bridge', bridge: builtin.bridge, isGateway: true, ipMasq: true };
  const ipam = { type: 'host-local', ranges: subnets.map((subnet) => [{ subnet }]) };

  async function configure(plugins: readonly object[], cniTimeoutMs?: number): Promise<void> {
    const text = JSON.stringify({
      cniVersion: '1.0.0',
      name: builtin.name,
      plugins: [{ ...bridge, ipam }, ...plugins],
    });
    await writeFile(join(conf, '10-dvt.conflist'), text);
    await network.close();
    network = make(false, cniTimeoutMs);
    await network.start(signal);
  }

  it('is detached from when its configuration is gone, by another daemon', async () => {
    await configure([{ type: 'portmap', snat: true, capabilities: { portMappings: true } }]);
    const { id, netns } = await pod({ portMappings: [{ protocol: 'tcp', containerPort: 80, hostPort: HOST_PORT }] });
    await rm(join(conf, '10-dvt.conflist'));
    await network.close();
    network = make(false);
    await network.start(signal);
    expect(network.status()).toMatchObject({ ready: false, reason: 'CNIConfigMissing' });
    expect(await network.attachments()).toEqual([id]);
    await network.detach(id, netns, signal);
    expect(leftovers([id])).toEqual([]);
  });

  it('leaves nothing when the last plugin of the chain refuses', async () => {
    await writePlugin(bin, 'refuses', refuses('ADD'));
    await configure([{ type: 'portmap', capabilities: { portMappings: true } }, { type: 'refuses' }]);
    const { id, netns } = await namespace();
    await expect(network.attach(request(id, netns), signal)).rejects.toThrow(/"refuses" \(ADD, network "dvt"\) failed/);
    expect(leftovers([id])).toEqual([]);
    expect(readFileSync(join(bin, 'calls'), 'utf8')).toContain('10.231.0.');
  });

  it('leaves nothing when a plugin hangs until the deadline', async () => {
    await writePlugin(bin, 'hangs', `[ $CNI_COMMAND = DEL ] && exit 0; echo $$ > ${root}/pid; exec sleep 1000`);
    await configure([{ type: 'hangs' }], 5_000);
    const { id, netns } = await namespace();
    await expect(network.attach(request(id, netns), signal)).rejects.toThrow(/"hangs" .* did not end within 5 s/);
    expect(leftovers([id])).toEqual([]);
    const pid = readFileSync(join(root, 'pid'), 'utf8').trim();
    expect(existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toBeFalsy();
  });

  it('finds plugins behind symlinks', async () => {
    await symlink(`${PLUGINS}/portmap`, join(bin, 'linked'));
    await configure([{ type: 'linked', capabilities: { portMappings: true } }]);
    const { id, netns } = await pod();
    await network.detach(id, netns, signal);
    expect(leftovers([id])).toEqual([]);
  });
});
