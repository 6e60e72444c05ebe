import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { defaultConfig } from './defaults.ts';
import { loadConfig } from './load.ts';
import { defaultToml, dumpToml } from './render-toml.ts';
import { SHIM_OPTIONS } from '../shim-kinds.ts';
import type { ShimKind } from '../shim-kinds.ts';
import type { Config } from './schema.ts';

describe('defaultToml()', () => {
  it('reads back as the defaults', () => {
    expect(read(defaultToml())).toEqual(defaultConfig());
  });

  it.each<[ShimKind, string]>([
    ['runc', 'io.containerd.runc.v2'],
    ['runhcs', 'io.containerd.runhcs.v1'],
    ['other', 'io.containerd.kata.v2'],
  ])('still does with every example taken in that shims of %s take', (kind, type) => {
    const others = ['binary', 'platform', 'ConfigBody'].filter((name) => kind === 'other' || name === 'ConfigBody');
    const skipped = kind === 'runhcs' ? ['binary', 'platform', 'base_runtime_spec'] : others;
    const text = defaultToml()
      .replace('type = "io.containerd.runc.v2"', `type = "${type}"`)
      .replaceAll(/^# (([A-Za-z_]+) = .*)$/gm, (line, example: string, name: string) =>
        skipped.includes(name) || (/^[A-Z]/.test(name) && !Object.hasOwn(SHIM_OPTIONS[kind], name)) ? line : example,
      );
    const { options, ...handler } = read(text).handlers['runc'] ?? { options: {} };
    expect(handler).toMatchObject({
      cniConfDir: '/etc/cni/other.d',
      ...(kind === 'runc' ? { platform: 'linux' } : {}),
    });
    const known = Object.keys(SHIM_OPTIONS[kind]).filter((name) => name !== 'ConfigBody');
    expect(Object.keys(options).toSorted()).toEqual(known.toSorted());
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
        '[handlers.crun-x.default_annotations]\n"io.example/a" = "1"',
      ].join('\n'),
    );
    expect(read(dumpToml(config))).toEqual(config);
    expect(dumpToml(config)).toContain('cni_timeout = "1m30s"');
    expect(() => parse(dumpToml(config))).not.toThrow();
  });
});

function read(text: string): Config {
  const profile = '{"defaultAction":"SCMP_ACT_LOG"}';
  const readFile = (path: string) => Buffer.from(path.endsWith('.json') ? profile : text);
  return loadConfig(['--config', '/x.toml'], { readFile, listDir: () => [] });
}
