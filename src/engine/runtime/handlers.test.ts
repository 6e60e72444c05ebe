import { describe, expect, it } from 'vitest';
import type { HandlerConfig } from '../engine-config.ts';
import { EngineError } from '../errors.ts';
import { createHandlers } from './handlers.ts';

const RUNC: HandlerConfig = {
  type: 'io.containerd.runc.v2',
  options: {},
  snapshotter: 'overlayfs',
  podAnnotations: [],
  containerAnnotations: [],
};
const CRUN: HandlerConfig = { ...RUNC, binary: '/usr/bin/crun' };

describe('createHandlers()', () => {
  it('resolves names, and the empty one to the default', () => {
    const table = createHandlers({ handlers: { crun: CRUN, runc: RUNC }, defaultRuntime: 'runc' }, 'cgroupfs');
    expect(table.resolve('')).toEqual({ name: 'runc', config: RUNC, runtimeOptions: {} });
    expect(table.resolve('crun').runtimeOptions).toEqual({ binaryName: '/usr/bin/crun' });
    expect(table.all.map((handler) => handler.name)).toEqual(['runc', 'crun']);
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
    expect(table.resolve('').runtimeOptions).toEqual({ systemdCgroup: true });
  });

  it("puts the default handler's word above the node's, for all handlers", () => {
    const plain = { ...RUNC, options: { SystemdCgroup: false } };
    const table = createHandlers({ handlers: { crun: CRUN, runc: plain }, defaultRuntime: 'runc' }, 'systemd');
    expect(table.cgroupDriver).toBe('cgroupfs');
    expect(table.resolve('crun').runtimeOptions).toEqual({ binaryName: '/usr/bin/crun' });
  });

  it.each([
    [{ SystemdCgroup: true }, 'handlers.crun.options.SystemdCgroup: differs'],
    [{ SystemdCgroup: 'yes' }, 'handlers.crun.options.SystemdCgroup: must be true or false'],
    [{ Roots: '/x' }, 'handlers.crun.options.Roots: is no option'],
  ])('refuses the options %j', (options, message) => {
    const handlers = { runc: RUNC, crun: { ...CRUN, options } };
    expect(() => createHandlers({ handlers, defaultRuntime: 'runc' }, 'cgroupfs')).toThrow(message);
  });

  it('gives a shim that is not like runc no options', () => {
    const kata = { ...RUNC, type: 'io.containerd.kata.v2' };
    const table = createHandlers({ handlers: { runc: RUNC, kata }, defaultRuntime: 'runc' }, 'systemd');
    expect(table.resolve('kata').runtimeOptions).toEqual({});
    const handlers = { runc: RUNC, kata: { ...kata, options: { ConfigPath: '/x' } } };
    expect(() => createHandlers({ handlers, defaultRuntime: 'runc' }, 'cgroupfs')).toThrow('take no options');
    const named = { runc: RUNC, kata: { ...kata, binary: '/x' } };
    expect(() => createHandlers({ handlers: named, defaultRuntime: 'runc' }, 'cgroupfs')).toThrow(
      'handlers.kata.binary',
    );
  });
});
