import { describe, expect, expectTypeOf, it } from 'vitest';
import type { EngineConfig } from '../engine/index.ts';
import { defaultConfig } from './defaults.ts';
import type { AnyKey, Rows } from './node.ts';
import { SCHEMA, type Config } from './schema.ts';

describe('the schema', () => {
  it('makes a value that the engine takes as it is', () => {
    expectTypeOf<Config>().toExtend<EngineConfig>();
    expectTypeOf<Config['logLevel']>().toEqualTypeOf<'trace' | 'debug' | 'info' | 'warn' | 'error'>();
  });

  it.each(keysOf(SCHEMA))('$path has documentation, and a default that reads back as itself', ({ key }) => {
    expect(key.doc).toMatch(/^\S[^|]*\.$/s);
    const value = key.kind.parse(key.sample);
    expect(key.kind.parse(key.kind.toRaw(value))).toEqual(value);
    expect(key.kind.toRaw(value)).toEqual(key.sample);
  });

  it.each(keysOf(SCHEMA))('$path is lower case with underscores, or a name of containerd', ({ path }) => {
    expect(path).toMatch(/^[a-z_]+(\.(NAME|[a-z_]+))*(\.options\.[A-Za-z]+)?$/);
  });

  it('defaults to what the documentation of the project promises', () => {
    expect(defaultConfig()).toMatchObject({
      listen: 'unix:///run/davit/davit.sock',
      root: '/var/lib/davit',
      state: '/run/davit',
      adminListen: 'auto',
      containerdAddress: 'auto',
      containerdNamespace: 'davit',
      metricsAddress: '',
      cniConfDir: ['/etc/cni/net.d'],
      cniBinDir: ['/opt/cni/bin', '/usr/lib/cni'],
      registryConfigPath: ['/etc/davit/certs.d'],
      logLevel: 'info',
      defaultRuntime: 'runc',
      builtinNetwork: false,
      handlers: { runc: { type: 'io.containerd.runc.v2', snapshotter: 'overlayfs' } },
    });
  });
});

function keysOf(rows: Rows, prefix = ''): readonly { readonly path: string; readonly key: AnyKey }[] {
  return Object.entries(rows).flatMap(([name, row]) => {
    if (row.node === 'key') return [{ path: prefix + name, key: row }];
    return keysOf(row.children, `${prefix}${name}.${row.node === 'named' ? 'NAME.' : ''}`);
  });
}
