import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isKind } from '../errors.ts';
import { newSandboxId } from '../ids.ts';
import { AttachmentCache } from './cache.ts';
import type { AttachmentRecord } from './cache.ts';
import { parseNetworkConf } from './cni-conf.ts';

const sandboxId = newSandboxId();
const record: AttachmentRecord = {
  version: 1,
  sandboxId,
  state: 'attached',
  progress: { begun: 1, refused: false, result: { ips: [] } },
  attachment: {
    network: parseNetworkConf('{"name":"net","type":"bridge"}', '/x.conf'),
    binDirs: ['/bin'],
    containerId: sandboxId,
    netns: '/ns',
    ifName: 'eth0',
    args: [['A', 'b']],
    capabilityArgs: {},
  },
};

let root: string;
let cache: AttachmentCache;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dvca'));
  cache = new AttachmentCache(root);
  await cache.start();
});
afterEach(() => rm(root, { recursive: true }));

describe('AttachmentCache', () => {
  it('gives back what was put, to another one as well, and forgets what was deleted', async () => {
    await cache.put(record);
    const next = new AttachmentCache(root);
    await next.start();
    expect(await next.get(sandboxId)).toEqual(record);
    expect(await next.list()).toEqual([sandboxId]);
    await next.delete(sandboxId);
    await next.delete(sandboxId);
    expect(await next.get(sandboxId)).toBeUndefined();
    expect(await next.list()).toEqual([]);
  });

  it('is for root alone', async () => {
    await cache.put(record);
    expect((await stat(join(root, 'network'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(root, 'network', `${sandboxId}.json`))).mode & 0o777).toBe(0o600);
  });

  it('removes what a cut-short write left', async () => {
    await writeFile(join(root, 'network', `${sandboxId}.json.new`), '{');
    await cache.start();
    expect(await readdir(join(root, 'network'))).toEqual([]);
  });

  it.each([
    '{',
    '{"version":2}',
    JSON.stringify({ ...record, attachment: {} }),
    JSON.stringify({ ...record, sandboxId: 'x' }),
  ])('calls %s damaged, and still lists it', async (text) => {
    const path = join(root, 'network', `${sandboxId}.json`);
    await writeFile(path, text);
    const error: unknown = await cache.get(sandboxId).catch((e: unknown) => e);
    expect(isKind(error, 'data-loss')).toBe(true);
    expect(String(error)).toContain(path);
    expect(await cache.list()).toEqual([sandboxId]);
  });
});
