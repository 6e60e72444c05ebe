import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildImage, packLayer } from '../../hack/images/oci.ts';
import { push } from '../../hack/images/push.ts';
import { tar } from '../../hack/images/tar.ts';
import { dir, text } from '../../hack/images/trees.ts';
import { residentBytes } from './support/davitd-process.ts';
import { makeImage } from './support/images.ts';
import { BUSYBOX, Pod, crictl, crictlJson, exited, mustCrictl, nodeEnv } from './support/node.ts';

/** Images that have broken other runtimes while they were pulled, each by the number under which it became known. */

const MIB = 1024 * 1024;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
});

const registry = (): { url: string } => ({ url: `http://${nodeEnv()['DAVIT_REGISTRY']}` });

async function containerdVersion(): Promise<readonly number[]> {
  const { containerd } = await crictlJson<{ containerd: { version: string } }>('info');
  return containerd.version
    .replace(/^v/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10));
}

describe('a layer', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp('/tmp/dvu-');
    await writeFile(join(folder, 'f'), 'of the node', { mode: 0o600 });
    await mkdir(join(folder, 'd'), { mode: 0o700 });
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it.each(['one', 'two'])(
    'CVE-2021-32760, CVE-2025-47290: whose links lead out of it changes nothing of the node, in %s',
    async (layers) => {
      const links = [
        { type: 'symlink', path: 'escape', target: folder },
        { type: 'symlink', path: 'climb', target: `../../../../../../../../..${folder}` },
        { type: 'symlink', path: 'file', target: join(folder, 'f') },
      ] as const;
      const through = [
        text('escape/f', 'of the image', 0o777),
        text('climb/f', 'of the image', 0o777),
        text('escape/new', 'of the image', 0o777),
        dir('escape/d', 0o777),
        { type: 'hardlink', path: 'hard', target: 'escape/f' },
      ] as const;
      const parts = layers === 'one' ? [[...links, ...through]] : [links, through];
      const image = buildImage(
        parts.map((entries) => packLayer(entries, 'gzip')),
        {},
        'oci',
      );
      await push(registry(), `davit-e2e/escape-${layers}`, ['latest'], image);
      // It may be refused or not: what counts is the node.
      await crictl('pull', `registry.k8s.io/davit-e2e/escape-${layers}:latest`);
      expect(await readFile(join(folder, 'f'), 'utf8')).toBe('of the node');
      expect((await readdir(folder)).toSorted()).toEqual(['d', 'f']);
      const modes = [folder, join(folder, 'f'), join(folder, 'd')].map(async (path) => (await stat(path)).mode & 0o777);
      expect(await Promise.all(modes)).toEqual([0o700, 0o600, 0o700]);
    },
  );

  it('CVE-2025-58183: whose map of a sparse file is huge costs davitd nothing, and a containerd that is new enough refuses it', async () => {
    const archive = sparseBomb(48 * MIB);
    const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
    const layer = { compression: 'gzip', content: gzipSync(archive), diffId: digest } as const;
    await push(registry(), 'davit-e2e/sparse', ['latest'], buildImage([layer], {}, 'oci'));
    const before = await residentBytes();
    const { code, stderr } = await crictl('--timeout', '120s', 'pull', 'registry.k8s.io/davit-e2e/sparse:latest');
    expect((await residentBytes()) - before).toBeLessThan(32 * MIB);
    const [major = 0] = await containerdVersion();
    expect(code === 0 ? 'pulled' : stderr).toMatch(major >= 2 ? /sparse|invalid tar header/ : /pulled|sparse|tar/);
    await crictl('rmi', 'registry.k8s.io/davit-e2e/sparse:latest');
  });
});

/** A GNU sparse file, version 1.0, whose map alone has so many bytes: what reads it whole holds many times that. */
function sparseBomb(mapBytes: number): Buffer {
  const entry = '0\n0\n';
  const count = Math.floor(mapBytes / entry.length);
  const map = Buffer.from(`${count}\n${entry.repeat(count)}`);
  const padded = Buffer.concat([map, Buffer.alloc((512 - (map.length % 512)) % 512)]);
  const records = {
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.name': 'bomb',
    'GNU.sparse.realsize': '0',
  };
  const pax = Object.entries(records)
    .map(([key, value]) => paxRecord(key, value))
    .join('');
  const header = tar([{ type: 'file', path: 'PaxHeaders.0/bomb', mode: 0o644, content: Buffer.from(pax) }]);
  const extended = withType(header.subarray(0, -1024), 'x');
  const file = tar([{ type: 'file', path: 'GNUSparseFile.0/bomb', mode: 0o644, content: padded }]);
  return Buffer.concat([extended, file]);
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const digits = String(rest.length + String(rest.length + 1).length).length;
  return `${rest.length + digits}${rest}`;
}

/** Another type flag in the first header of an archive, and the checksum that goes with it. */
function withType(archive: Buffer, flag: string): Buffer {
  const copy = Buffer.from(archive);
  copy.write(' '.repeat(8), 148);
  copy.write(flag, 156);
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return copy;
}

describe('an image', () => {
  it('CVE-2026-24054: without a layer is refused', async () => {
    await push(registry(), 'davit-e2e/layerless', ['latest'], buildImage([], { Cmd: ['sh'] }, 'oci'));
    const { code, stderr } = await crictl('pull', 'registry.k8s.io/davit-e2e/layerless:latest');
    expect(code).not.toBe(0);
    expect(stderr).toContain('has no layers');
  });

  it('CVE-2022-23648: whose volumes lead out of it copies nothing of the node, nor writes to it', async () => {
    const folder = await mkdtemp('/tmp/dvv-');
    await writeFile(join(folder, 'secret'), 'of the node');
    await chmod(folder, 0o755);
    const image = await makeImage('volumes-out', {
      entries: [{ type: 'symlink', path: 'linked', target: folder }, dir('up'), text('up/inside', 'of the image\n')],
      config: { Volumes: { '/linked': {}, [`/up/../../../../../../..${folder}`]: {}, '/up/../up/': {} } },
    });
    await using pod = await Pod.run('volumes-out');
    const command = ['sh', '-c', `exec 2>&1; ls -A /linked/ ${folder} /up; touch /linked/new; true`];
    await exited(await pod.start('main', { image: { image }, command }));
    const lines = (await pod.log('main')).map((line) => line.text);
    expect(lines).toContain('inside');
    expect(lines.filter((line) => line.includes('secret'))).toEqual([]);
    expect(await readdir(folder)).toEqual(['secret']);
    await rm(folder, { recursive: true });
  });
});
