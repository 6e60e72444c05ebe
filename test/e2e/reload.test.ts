import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Daemon } from './support/daemon.ts';
import { BUSYBOX, eventually, nodeEnv } from './support/node.ts';
import { run } from './support/run.ts';

const FILE = `/tmp/davit-reload-${process.pid}.toml`;
const CERTS = (): string => `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`;

let daemon: Daemon;

beforeAll(async () => {
  await writeFile(FILE, 'log_level = "info"\nregistry_config_path = "/nowhere"\n');
  daemon = await Daemon.start([
    '--config',
    FILE,
    '--containerd-address',
    nodeEnv()['CONTAINERD_ADDRESS'] ?? '',
    '--containerd-namespace',
    'davit-reload',
  ]);
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await run('rm', ['-f', FILE]);
});

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly applied?: readonly string[];
  readonly keys?: readonly string[];
  readonly problem?: string;
}

async function lines(): Promise<readonly Line[]> {
  const text = await readFile(join(daemon.dir, 'davitd.log'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line);
}

/** Writes the file, asks davitd to read it, and returns what the log has said since. */
async function reload(text: string, last: string): Promise<readonly Line[]> {
  const before = (await lines()).length;
  await writeFile(FILE, text);
  process.kill(daemon.pid, 'SIGHUP');
  return await eventually(`the line ${JSON.stringify(last)}`, async () => {
    const since = (await lines()).slice(before);
    return since.some(({ msg }) => msg.includes(last)) ? since : undefined;
  });
}

async function handlers(): Promise<readonly string[]> {
  const { runtimeHandlers } = JSON.parse(await daemon.mustCrictl('info')) as { runtimeHandlers: { name: string }[] };
  return runtimeHandlers.map(({ name }) => name);
}

describe('SIGHUP', () => {
  it('applies registries, pinned images, handlers and the log level, and names what waits for a restart', async () => {
    expect((await daemon.crictl('pull', BUSYBOX)).code).not.toBe(0);
    const said = await reload(
      `log_level = "debug"
cni_bin_dir = "/opt/cni/bin"
registry_config_path = "${CERTS()}"
[images]
pinned = ["registry.k8s.io/e2e-test-images/*"]
[limits]
concurrent_work = 3
[handlers.second]
`,
      'wait for a restart',
    );
    expect(said.find(({ applied }) => applied !== undefined)?.applied).toEqual([
      'registry_config_path',
      'log_level',
      'images.pinned',
      'limits.concurrent_work',
      'handlers.second',
    ]);
    expect(said.find(({ keys }) => keys !== undefined)?.keys).toEqual(['cni_bin_dir']);
    await daemon.mustCrictl('pull', BUSYBOX);
    const { images } = JSON.parse(await daemon.mustCrictl('images', '-o', 'json')) as { images: { pinned: boolean }[] };
    expect(images.map(({ pinned }) => pinned)).toEqual([true]);
    expect(await handlers()).toContain('second');
    expect((await lines()).some(({ level }) => level === 'debug')).toBe(true);
  });

  it('changes nothing for a file that cannot be used, and says file, line and key', async () => {
    const said = await reload('log_level = "info"\n\n[limits]\nconcurent_work = 3\n', 'nothing was changed');
    expect(said.find(({ problem }) => problem !== undefined)?.problem).toMatch(
      new RegExp(`^${FILE}:4: limits\\.concurent_work: unknown key`),
    );
    expect(await handlers()).toContain('second');
    const before = (await lines()).length;
    await daemon.mustCrictl('version');
    expect((await lines()).slice(before).some(({ level }) => level === 'debug')).toBe(true);
  });
});
