import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HandlerConfig } from '../engine-config.ts';
import { EngineError } from '../errors.ts';
import { createHandlers } from './handlers.ts';

const RUNC: HandlerConfig = {
  type: 'io.containerd.runc.v2',
  options: {},
  snapshotter: 'overlayfs',
  defaultAnnotations: {},
  podAnnotations: [],
  containerAnnotations: [],
  privilegedWithoutHostDevices: false,
  cgroupWritable: false,
  execCpuAffinity: 'all',
};
const CRUN: HandlerConfig = { ...RUNC, binary: '/usr/bin/crun' };

describe('createHandlers()', () => {
  it('resolves names, and the empty one to the default', () => {
    const table = createHandlers({ handlers: { crun: CRUN, runc: RUNC }, defaultRuntime: 'runc' }, 'cgroupfs');
    expect(table.resolve('')).toEqual({
      name: 'runc',
      config: RUNC,
      platform: 'linux',
      shimOptions: { kind: 'runc', fields: {} },
    });
    expect(table.resolve('crun').shimOptions.fields).toEqual({ binaryName: '/usr/bin/crun' });
    expect(table.all.map((handler) => handler.name)).toEqual(['runc', 'crun']);
  });

  it('reads base specs, each time anew, and names the key of one that cannot be had', () => {
    const dir = mkdtempSync(join(tmpdir(), 'davit-base-'));
    const file = join(dir, 'base.json');
    const make = () =>
      createHandlers({ handlers: { runc: { ...RUNC, baseRuntimeSpec: file } }, defaultRuntime: 'runc' }, 'cgroupfs');
    try {
      expect(make).toThrow(/^handlers\.runc\.base_runtime_spec: .*base\.json/);
      writeFileSync(file, '{"process":{"env":["A=1"]}}');
      expect(make().resolve('').base?.spec.env).toEqual(['A=1']);
      writeFileSync(file, '{"process":{"env":"A=1"}}');
      expect(make).toThrow(/^handlers\.runc\.base_runtime_spec: .*base\.json: process\.env: is no list/);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it.each(['kata', 'constructor', '__proto__'])('refuses the unknown handler %s and names those there are', (name) => {
    const table = createHandlers({ handlers: { crun: CRUN, runc: RUNC }, defaultRuntime: 'runc' }, 'cgroupfs');
    expect(() => table.resolve(name)).toThrow(
      new EngineError('invalid-argument', `runtime_handler: "${name}" is no handler; there are: runc, crun`),
    );
  });

  it('lets systemd make the cgroups where the node says so', () => {
    const table = createHandlers({ handlers: { runc: RUNC }, defaultRuntime: 'runc' }, 'systemd');
    expect(table.cgroupDriver).toBe('systemd');
    expect(table.resolve('').shimOptions.fields).toEqual({ systemdCgroup: true });
  });

  it("puts the default handler's word above the node's, for all handlers", () => {
    const plain = { ...RUNC, options: { SystemdCgroup: false } };
    const table = createHandlers({ handlers: { crun: CRUN, runc: plain }, defaultRuntime: 'runc' }, 'systemd');
    expect(table.cgroupDriver).toBe('cgroupfs');
    expect(table.resolve('crun').shimOptions.fields).toEqual({ binaryName: '/usr/bin/crun' });
  });

  it.each([
    [{ SystemdCgroup: true }, 'handlers.crun.options.SystemdCgroup: differs'],
    [{ SystemdCgroup: 'yes' }, 'handlers.crun.options.SystemdCgroup: must be true or false'],
    [{ Roots: '/x' }, 'handlers.crun.options.Roots: is no option'],
  ])('refuses the options %j', (options, message) => {
    const handlers = { runc: RUNC, crun: { ...CRUN, options } };
    expect(() => createHandlers({ handlers, defaultRuntime: 'runc' }, 'cgroupfs')).toThrow(message);
  });

  it('does not tell other shims what is for that of runc', () => {
    const kata = { ...RUNC, type: 'io.containerd.kata.v2' };
    const table = createHandlers({ handlers: { runc: RUNC, kata }, defaultRuntime: 'runc' }, 'systemd');
    expect(table.resolve('kata').shimOptions.fields).toEqual({});
    const named = { runc: RUNC, kata: { ...kata, binary: '/x' } };
    expect(() => createHandlers({ handlers: named, defaultRuntime: 'runc' }, 'cgroupfs')).toThrow(
      'handlers.kata.binary',
    );
  });

  it('tells each kind of shim its own options', () => {
    const runhcs = {
      ...RUNC,
      type: 'io.containerd.runhcs.v1',
      options: { SandboxIsolation: 'HYPERVISOR', VmProcessorCount: 2, GPUVHDPath: 'C:\\g', ScrubLogs: false },
    };
    const kata = { ...RUNC, type: '/opt/kata/shim', options: { ConfigPath: '/k.toml' } };
    const crun = { ...CRUN, options: { NoPivotRoot: true, IoUid: 5, Root: '/run/c' } };
    const table = createHandlers({ handlers: { runc: RUNC, crun, runhcs, kata }, defaultRuntime: 'runc' }, 'systemd');
    expect(table.resolve('runhcs')).toMatchObject({
      platform: 'windows',
      shimOptions: {
        kind: 'runhcs',
        fields: { sandboxIsolation: 1, vmProcessorCount: 2, GPUVHDPath: 'C:\\g', scrubLogs: false },
      },
    });
    expect(table.resolve('kata')).toMatchObject({
      platform: 'linux',
      shimOptions: { kind: 'other', fields: { configPath: '/k.toml' } },
    });
    expect(table.resolve('crun').shimOptions).toEqual({
      kind: 'runc',
      fields: { binaryName: '/usr/bin/crun', systemdCgroup: true, noPivotRoot: true, ioUid: 5, root: '/run/c' },
    });
  });

  it.each([
    [{ type: 'io.containerd.runhcs.v1', options: { SandboxIsolation: 'VM' } }, 'must be one of PROCESS, HYPERVISOR'],
    [{ type: 'io.containerd.runhcs.v1', options: { VmProcessorCount: '2' } }, 'VmProcessorCount: must be an integer'],
    [{ type: 'io.containerd.runhcs.v1', platform: 'linux' as const }, 'handlers.x.platform: must be windows'],
    [{ type: 'io.containerd.runc.v2', platform: 'windows' as const }, 'handlers.x.platform: must be linux'],
    [{ type: 'io.containerd.kata.v2', options: { SandboxImage: 'x' } }, 'is for runhcs'],
  ])('refuses a handler with %j', (more, message) => {
    const handlers = { runc: RUNC, x: { ...RUNC, ...more } };
    expect(() => createHandlers({ handlers, defaultRuntime: 'runc' }, 'cgroupfs')).toThrow(message);
  });
});
