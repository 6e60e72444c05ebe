import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { defaultConfig } from './defaults.ts';
import { loadConfig } from './load.ts';
import { defaultToml, dumpToml } from './render-toml.ts';
import type { Config } from './schema.ts';

describe('defaultToml()', () => {
  it('reads back as the defaults', () => {
    expect(read(defaultToml())).toEqual(defaultConfig());
  });

  it('still does with every example taken in', () => {
    const text = defaultToml().replaceAll(/^# ([A-Za-z_]+ = )/gm, '$1');
    const handler = read(text).handlers['runc'];
    expect(handler).toMatchObject({
      binary: '/usr/local/sbin/crun',
      options: { SystemdCgroup: true },
      cniConfDir: '/etc/cni/other.d',
    });
  });

  it('has no line over 100 columns', () => {
    expect(
      defaultToml()
        .split('\n')
        .filter((line) => line.length > 100),
    ).toEqual([]);
  });
});

describe('dumpToml()', () => {
  it('reads back as the configuration', () => {
    const config = read(
      [
        'root = "/ü \\" \\u007f"',
        'cni_conf_dir = []',
        '[network]\nbuiltin_subnet = ["10.1.0.0/16", "fd00:1::/64"]\ncni_timeout = "90s"',
        '[handlers.crun-x]\nbinary = "crun"\npod_annotations = ["io.katacontainers.*"]',
        '[handlers.crun-x.options]\nSystemdCgroup = false',
      ].join('\n'),
    );
    expect(read(dumpToml(config))).toEqual(config);
    expect(dumpToml(config)).toContain('cni_timeout = "1m30s"');
    expect(() => parse(dumpToml(config))).not.toThrow();
  });
});

function read(text: string): Config {
  const readFile = () => Buffer.from(text);
  return loadConfig(['--config', '/x.toml'], { readFile, listDir: () => [] });
}
