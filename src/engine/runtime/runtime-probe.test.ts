import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRuntimeFeatures, parseRuntimeVersion, runcWarning } from './runtime-info.ts';
import { probeRuntime } from './runtime-probe.ts';

const signal = new AbortController().signal;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dvprobe'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

async function program(script: string): Promise<string> {
  const path = join(dir, 'runtime');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('probeRuntime()', () => {
  it('asks for version and features', async () => {
    const binary = await program(
      `case $1 in --version) echo runc version 1.2.0;; features) echo '{"mountOptions":["ro","rro"]}';; esac`,
    );
    const probe = await probeRuntime({ binary }, signal);
    expect(probe).toMatchObject({ binary, version: { name: 'runc', version: '1.2.0' } });
    expect(probe.features).toMatchObject({ recursiveReadOnlyMounts: true, idmappedMounts: false });
    expect(probe.warnings).toHaveLength(1);
  });

  it('takes a runtime that does not know the features command', async () => {
    const binary = await program('[ "$1" = --version ] && echo runsc version 1');
    expect(await probeRuntime({ binary }, signal)).toEqual({
      binary,
      version: { name: 'runsc', version: '1' },
      warnings: [],
    });
  });

  it('does not wait for a runtime that hangs, nor for what it has started', async () => {
    const binary = await program('sleep 3');
    await expect(probeRuntime({ binary }, signal, 100)).rejects.toThrow('no answer within 0.1 s');
  });

  it('says what to do about a runtime that is not there', async () => {
    await expect(probeRuntime({ binary: '/no/runtime' }, signal)).rejects.toThrow('is it installed');
  });
});

describe('parseRuntimeFeatures()', () => {
  it('takes every bit for false that is not there', () => {
    expect(parseRuntimeFeatures('{"linux":{"mountExtensions":{"idmap":{"enabled":true}}}}')).toEqual({
      recursiveReadOnlyMounts: false,
      idmappedMounts: true,
      seccomp: false,
      mountOptions: [],
    });
    expect(parseRuntimeFeatures('null').seccomp).toBe(false);
  });
});

describe('runcWarning()', () => {
  it.each(['1.1.5+ds1', '1.2.9', '1.3.5', '1.4.2', '1.5.0-rc.1', 'strange', '0.9.9'])(
    'CVE-2021-30465, CVE-2024-21626, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881, CVE-2026-41579: warns of runc %s',
    (version) => {
      expect(runcWarning('runc', { name: 'runc', version })).toContain('install 1.3.6, 1.4.3, 1.5.0 or newer');
    },
  );

  it.each(['1.3.6', '1.3.7', '1.4.3', '1.5.0', '1.5.2', '1.6.0', '2.0.0'])('does not warn of runc %s', (version) => {
    expect(runcWarning('runc', { name: 'runc', version })).toBeUndefined();
  });

  it('does not judge other runtimes', () => {
    expect(runcWarning('crun', parseRuntimeVersion('crun version 1.8.1\ncommit: x'))).toBeUndefined();
  });
});
