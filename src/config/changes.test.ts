import { describe, expect, it } from 'vitest';
import { compareConfigs, LIVE_KEYS, withLiveKeys } from './changes.ts';
import { loadConfig } from './load.ts';
import { SCHEMA, type Config } from './schema.ts';

function config(text: string): Config {
  return loadConfig(['--config', '/c'], { readFile: () => Buffer.from(text), listDir: () => [] });
}

const BEFORE = config('');

describe('compareConfigs()', () => {
  it('finds nothing where nothing differs', () => {
    expect(compareConfigs(BEFORE, config(''))).toEqual({ live: [], needRestart: [] });
  });

  it('names each key as it stands in a file, by what becomes of it', () => {
    const after = config(`
      log_level = "debug"
      root = "/elsewhere"
      [limits]
      concurrent_work = 3
      [network]
      cni_timeout = "5s"
      [handlers.runc]
      binary = "/usr/bin/crun"
      [handlers.other]
    `);
    expect(compareConfigs(BEFORE, after)).toEqual({
      live: ['log_level', 'limits.concurrent_work', 'handlers.runc.binary', 'handlers.other'],
      needRestart: ['root', 'network.cni_timeout'],
    });
    expect(compareConfigs(BEFORE, after, ['handlers']).needRestart).toEqual([
      'root',
      'network.cni_timeout',
      'handlers.runc.binary',
      'handlers.other',
    ]);
  });
});

describe('withLiveKeys()', () => {
  it('takes what is applied, and nothing else', () => {
    const after = config('log_level = "warn"\nroot = "/elsewhere"\n[handlers.other]');
    const merged = withLiveKeys(BEFORE, after);
    expect(compareConfigs(merged, after)).toEqual({ live: [], needRestart: ['root'] });
    expect(compareConfigs(withLiveKeys(BEFORE, after, ['handlers']), BEFORE).live).toEqual(['log_level']);
  });

  it('knows every live key', () => {
    expect(LIVE_KEYS.filter((key) => !Object.hasOwn(SCHEMA, key))).toEqual([]);
  });
});
