import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeHost } from '../fake-host.ts';
import type { FakeHost } from '../fake-host.ts';
import { checkContainerd } from './containerd.ts';
import { checkDavitd } from './davitd.ts';
import { checkLimits } from './limits.ts';
import { checkNetwork } from './network.ts';
import { checkRuntimes } from './runtimes.ts';
import { configOf, told } from './test-config.ts';

const toldRuntimes = async (programs: Record<string, string>) =>
  told(await checkRuntimes(fakeHost({ programs }), configOf()));

describe('checkRuntimes()', () => {
  const SHIM = { 'containerd-shim-runc-v2': '' };
  const FEATURES = '{"linux":{"mountExtensions":{"idmap":{"enabled":true}}}}';

  it('is content with a new runc', async () => {
    const programs = { ...SHIM, 'runc --version': 'runc version 1.5.2\n', 'runc features': FEATURES };
    expect(await toldRuntimes(programs)).toEqual([]);
  });

  it('names the holes of an old one', async () => {
    const programs = { ...SHIM, 'runc --version': 'runc version 1.3.3\n', 'runc features': FEATURES };
    expect(await toldRuntimes(programs)).toEqual(['warning: runc 1.3.3 (runc) has known holes: CVE-2026-41579']);
  });

  it('misses shim and runtime', async () => {
    expect(await toldRuntimes({})).toEqual([
      'error: the shim containerd-shim-runc-v2 of handler runc is not in PATH',
      'error: the OCI runtime runc of handler runc cannot be run',
    ]);
  });

  it('tells of one without idmapped mounts', async () => {
    const programs = { ...SHIM, 'runc --version': 'runc version 1.3.6\n', 'runc features': '{}' };
    expect(await toldRuntimes(programs)).toEqual(['note: runc 1.3.6 (runc) has no idmapped mounts']);
  });
});

const toldContainerd = async (fake: FakeHost, ...flags: readonly string[]) =>
  told(await checkContainerd(fakeHost(fake), configOf(...flags)));

describe('checkContainerd()', () => {
  const SYSTEM = '/run/containerd/containerd.sock';

  it('asks the one that davitd would use', async () => {
    expect(await toldContainerd({ sockets: [SYSTEM], containerd: '2.4.2' })).toEqual([]);
    expect(await toldContainerd({ containerdIsInstalled: true })).toEqual([
      `error: containerd does not answer at ${SYSTEM}`,
    ]);
    expect(await toldContainerd({}, '--containerd-address', '/run/c.sock')).toEqual([
      'error: containerd does not answer at /run/c.sock',
    ]);
    const recorded = { '/var/lib/davit/containerd.json': '{"address":"/run/own.sock"}' };
    expect(await toldContainerd({ files: recorded })).toEqual(['error: containerd does not answer at /run/own.sock']);
  });

  it('judges its release', async () => {
    expect(await toldContainerd({ sockets: [SYSTEM], containerd: '1.5.0' })).toEqual([
      `error: containerd 1.5.0 (${SYSTEM}) is older than 1.6`,
    ]);
    expect((await toldContainerd({ sockets: [SYSTEM], containerd: 'v2.1.0' })).join()).toMatch(
      /^error: the containerd at .* is v2\.1\.0: .*CVE-2025-47290/,
    );
    expect(await toldContainerd({ sockets: [SYSTEM], containerd: '1.6.20~ds1' })).toEqual([
      `warning: containerd 1.6.20~ds1 (${SYSTEM}) has known holes: CVE-2024-25621`,
      `note: containerd 1.6.20~ds1 (${SYSTEM}): its line gets no more fixes from its makers`,
    ]);
  });

  it('knows that davitd can start one', async () => {
    expect(await toldContainerd({ programs: { containerd: '' } })).toEqual([
      'note: no containerd runs: davitd starts and supervises containerd',
    ]);
    expect(await toldContainerd({})).toEqual(['error: there is no containerd']);
    const long = `/${'x'.repeat(90)}`;
    expect(await toldContainerd({ programs: { containerd: '' } }, '--state', long)).toEqual([
      `error: state = "${long}" is too long a path`,
    ]);
  });
});

describe('checkNetwork()', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dv-doctor-'));
    for (const name of ['net.d', 'bin']) mkdirSync(join(folder, name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const check = async (...flags: readonly string[]) => {
    const folders = ['--cni-conf-dir', join(folder, 'net.d'), '--cni-bin-dir', join(folder, 'bin')];
    return told(await checkNetwork(configOf(...folders, ...flags)));
  };
  const plugin = (name: string): void => {
    writeFileSync(join(folder, 'bin', name), '');
    chmodSync(join(folder, 'bin', name), 0o755);
  };

  it('wants a configuration, or the built-in network', async () => {
    expect(await check()).toEqual([`error: no CNI configuration in ${folder}/net.d`]);
    expect((await check('--builtin-network')).join()).toMatch(/missing|needs plugins .*: bridge, host-local, portmap/);
    for (const name of ['bridge', 'host-local', 'portmap']) plugin(name);
    expect(await check('--builtin-network')).toEqual(['note: the built-in network']);
  });

  it('wants every plugin of the one that counts, and tells of files that are broken', async () => {
    const conf = { name: 'pods', cniVersion: '1.0.0', plugins: [{ type: 'bridge', ipam: { type: 'host-local' } }] };
    writeFileSync(join(folder, 'net.d', '10-pods.conflist'), JSON.stringify(conf));
    writeFileSync(join(folder, 'net.d', '20-x.conf'), '{');
    plugin('bridge');
    const [broken, missing] = await check();
    expect(broken).toMatch(/^warning: .*20-x\.conf: not JSON/);
    expect(missing).toMatch(/^error: network "pods" of .* needs plugins .*: host-local$/);
    plugin('host-local');
    expect(await check()).toHaveLength(1);
  });
});

const limits = (files: string) => `Limit\nMax open files            ${files}               ${files}      files\n`;

describe('checkLimits()', () => {
  const LISTEN = { listen: 'unix:///run/d.sock' };

  it('looks at the davitd that serves', async () => {
    const files = {
      '/proc/7/fd/4': 'socket:[4711]',
      '/proc/6/fd/4': 'socket:[4712]',
      '/proc/7/limits': limits('1000'),
      '/proc/self/limits': limits('1048576'),
    };
    expect(told(await checkLimits(fakeHost({ files }), LISTEN))).toEqual([]);
    const unix = 'Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 10000 1 1 4711 /run/d.sock\n';
    const serving = { ...files, '/proc/net/unix': unix };
    expect(told(await checkLimits(fakeHost({ files: serving }), LISTEN))).toEqual([
      'error: davitd (pid 7) may have only 1000 files open',
    ]);
  });

  it("tells of a node's table that is full", async () => {
    const files = { '/proc/self/limits': limits('unlimited'), '/proc/sys/fs/file-nr': '950\t0\t1000\n' };
    expect(told(await checkLimits(fakeHost({ files }), LISTEN))).toEqual([
      'error: 950 of 1000 files of the whole node are open',
    ]);
  });
});

const toldPump = async (status: string) => {
  const files = { '/run/davit/pump/lock': '42\n', '/proc/42/status': status };
  return told(await checkDavitd(fakeHost({ files, sockets: ['/run/davit/davit.sock'] }), configOf()));
};

describe('checkDavitd()', () => {
  it('tells who serves, and a socket that nobody serves', async () => {
    const socket = '/run/davit/davit.sock';
    expect(told(await checkDavitd(fakeHost({ sockets: [socket] }), configOf()))).toEqual([]);
    expect(told(await checkDavitd(fakeHost(), configOf()))).toEqual([`note: no davitd serves at ${socket}`]);
    expect(told(await checkDavitd(fakeHost({ files: { [socket]: '' } }), configOf()))).toEqual([
      `error: ${socket} is there, and nobody answers`,
    ]);
    expect(told(await checkDavitd(fakeHost({ node: '20.1.0', sockets: [socket] }), configOf()))).toEqual([
      'error: Node 20.1.0 is older than 24',
    ]);
  });

  it('tells of a davit-pump that is stopped', async () => {
    expect(await toldPump('Name:\tdavit-pump --st\nState:\tS (sleeping)\n')).toEqual([]);
    expect(await toldPump('Name:\tsleep\nState:\tT (stopped)\n')).toEqual([]); // a later process of that number
    expect(await toldPump('Name:\tdavit-pump --st\nState:\tT (stopped)\n')).toEqual([
      'error: davit-pump (pid 42) is stopped by a signal or a debugger',
    ]);
  });
});
