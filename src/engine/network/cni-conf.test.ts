import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadNetworkConf, parseNetworkConf } from './cni-conf.ts';

const list = (name: string, more: object = {}): string =>
  JSON.stringify({ cniVersion: '1.0.0', name, plugins: [{ type: 'bridge', mtu: 1400 }, { type: 'portmap' }], ...more });

describe('parseNetworkConf()', () => {
  it('reads a list', () => {
    expect(parseNetworkConf(list('net', { disableCheck: 'true', disableGC: true }), '/a/10.conflist')).toEqual({
      name: 'net',
      cniVersion: '1.0.0',
      disableCheck: true,
      disableGc: true,
      plugins: [{ type: 'bridge', mtu: 1400 }, { type: 'portmap' }],
      source: '/a/10.conflist',
    });
  });

  it('reads a single plugin, of version 0.1.0 when it names none', () => {
    const conf = parseNetworkConf('{"name":"net","type":"ptp","ipam":{"type":"host-local"}}', '/a/10.conf');
    expect(conf).toMatchObject({ name: 'net', cniVersion: '0.1.0', disableCheck: false });
    expect(conf.plugins).toEqual([{ name: 'net', type: 'ptp', ipam: { type: 'host-local' } }]);
  });

  it('takes the newest version that it knows', () => {
    const versions = { cniVersion: '0.4.0', cniVersions: ['0.4.0', '1.1.0', '9.0.0', '1.0.0'] };
    expect(parseNetworkConf(list('net', versions), 'x.conflist').cniVersion).toBe('1.1.0');
  });

  it.each([
    ['{', 'x.conflist', /not JSON/],
    ['[]', 'x.conflist', /not a JSON object/],
    ['{"plugins":[{"type":"a"}]}', 'x.conflist', /"name" is not a network's name: absent/],
    ['{"name":"../x","plugins":[{"type":"a"}]}', 'x.conflist', /"name" is not/],
    ['{"name":"a","type":"b"}', 'x.conflist', /needs a list "plugins"/],
    ['{"name":"a","plugins":[]}', 'x.conflist', /"plugins" is empty/],
    ['{"name":"a","plugins":[{"type":"b"},{}]}', 'x.conflist', /plugins\[1\] has no "type"/],
    ['{"name":"a","plugins":[{"type":"../../bin/sh"}]}', 'x.conflist', /not a plugin's name/],
    ['{"name":"a","plugins":[{"type":".."}]}', 'x.conflist', /not a plugin's name/],
    ['{"name":"a"}', 'x.conf', /the configuration has no "type"/],
    ['{"name":"a","cniVersion":"3.0.0","type":"b"}', 'x.json', /cniVersion 3\.0\.0 is not known/],
  ])('says what is wrong with %s', (text, path, message) => {
    expect(() => parseNetworkConf(text, path)).toThrow(message);
  });
});

describe('loadNetworkConf()', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'dvcc'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('takes the first valid file by name and keeps the error of each other', async () => {
    await writeFile(join(dir, '05-broken.conflist'), '{');
    await mkdir(join(dir, '06-folder.conf'));
    await writeFile(join(dir, '10-first.conflist'), list('first'));
    await writeFile(join(dir, '20-second.conf'), '{"name":"second","type":"ptp"}');
    await writeFile(join(dir, '30-late.json'), '{"name":"late"}');
    await writeFile(join(dir, '01-ignored.conflist.bak'), '{');
    const { network, problems } = await loadNetworkConf([dir]);
    expect(network?.name).toBe('first');
    expect(problems.map(({ path }) => path)).toEqual(
      ['05-broken.conflist', '06-folder.conf', '30-late.json'].map((name) => join(dir, name)),
    );
  });

  it('looks into the folders in their order, whether they exist or not', async () => {
    await mkdir(join(dir, 'a'));
    await mkdir(join(dir, 'b'));
    await writeFile(join(dir, 'a/20.conflist'), list('a'));
    await writeFile(join(dir, 'b/10.conflist'), list('b'));
    const dirs = ['absent', 'a', 'b'].map((name) => join(dir, name));
    expect((await loadNetworkConf(dirs)).network?.name).toBe('a');
    expect(await loadNetworkConf([join(dir, 'absent')])).toEqual({ problems: [] });
  });
});
