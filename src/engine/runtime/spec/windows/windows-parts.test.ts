import { describe, expect, it } from 'vitest';
import { containerRequest, imageConfig } from '../test-input.ts';
import { checkIsolation } from './container-spec.ts';
import { windowsDevices } from './devices.ts';
import { windowsMounts } from './mounts.ts';
import { containerPath, hostPath } from './paths.ts';
import { quoteArg, windowsCommand, windowsCwd, windowsEnv } from './process.ts';
import { foldWindowsResources, ociWindowsResources } from './resources.ts';
import { updatedWindowsSpec } from './updated-spec.ts';

const PIPE = '\\\\.\\pipe\\x';

function mount(containerPath: string, hostPath: string) {
  return { containerPath, hostPath, readonly: false, propagation: 'private', selinuxRelabel: false } as const;
}

function image(more: Parameters<typeof imageConfig>[0]) {
  return { name: 'x', config: imageConfig(more) };
}

describe('containerPath()', () => {
  it.each([
    ['/var/run', 'C:\\var\\run'],
    ['\\var\\run\\', 'C:\\var\\run'],
    ['c:/a/../b//c/', 'c:\\b\\c'],
    ['E:', 'E:'],
    ['E:\\', 'E:\\'],
    [PIPE, PIPE],
    ['/..', 'C:\\'],
    ['var', undefined],
    ['C:var', undefined],
    ['//x/y', undefined],
    ['\\\\server\\share', undefined],
    ['C:\\a\0', undefined],
    ['', undefined],
  ])('makes %j %j', (path, expected) => {
    expect(containerPath(path)).toBe(expected);
  });
});

describe('hostPath()', () => {
  it.each([
    ['D:', 'D:\\'],
    ['D:\\a\\..\\..\\b', 'D:\\b'],
    ['/var/lib', 'C:\\var\\lib'],
    ['\\\\server\\share\\a\\', '\\\\server\\share\\a'],
    ['\\\\?\\Volume{1-2}\\a', '\\\\?\\Volume{1-2}\\a'],
    [PIPE, PIPE],
    ['\\\\.\\PhysicalDrive0', undefined],
    ['\\\\.\\C:\\x', undefined],
    ['a\\b', undefined],
  ])('makes %j %j', (path, expected) => {
    expect(hostPath(path)).toBe(expected);
  });
});

describe('windowsMounts()', () => {
  it('takes the later of two on one place, whatever their case', () => {
    const { mounts, notices } = windowsMounts([mount('C:\\Data', 'C:\\one'), mount('/data', 'C:\\two')]);
    expect(mounts).toEqual([{ destination: 'C:\\data', source: 'C:\\two', options: ['rw'] }]);
    expect(notices).toEqual([expect.stringContaining('mounts[1].container_path: C:\\data is mounted twice')]);
  });

  it.each([
    [mount('data', 'C:\\x'), 'config.mounts[0].container_path: "data" is no absolute path'],
    [mount('c:', 'C:\\x'), 'config.mounts[0].container_path: nothing can be mounted over drive C'],
    [mount('/', 'C:\\x'), 'config.mounts[0].container_path: nothing can be mounted over drive C'],
    [mount('C:\\x', 'x'), 'config.mounts[0].host_path: "x" is no absolute path'],
    [mount('C:\\x', PIPE), 'config.mounts[0].container_path: a named pipe is mounted as a named pipe'],
    [mount(PIPE, 'C:\\x'), 'config.mounts[0].container_path: a named pipe is mounted as a named pipe'],
  ])('refuses %j', (spec, message) => {
    expect(() => windowsMounts([spec])).toThrow(message);
  });
});

describe('windowsCommand()', () => {
  it('leaves the quoting to the shim', () => {
    expect(windowsCommand(containerRequest({ args: ['a b'] }), image({ entrypoint: ['x.exe'] }))).toEqual({
      args: ['x.exe', 'a b'],
    });
  });

  it('does not quote again what an image has quoted', () => {
    const own = image({ entrypoint: [], cmd: ['cmd /S /C "a b"', 'c d'], argsEscaped: true });
    expect(windowsCommand(containerRequest(), own)).toEqual({ commandLine: 'cmd /S /C "a b" "c d"' });
    const asked = containerRequest({ command: ['my prog.exe'], args: ['x"y'] });
    expect(windowsCommand(asked, own)).toEqual({ commandLine: '"my prog.exe" "x\\"y"' });
    expect(windowsCommand(containerRequest({ args: ['a b'] }), own)).toEqual({ commandLine: '"a b"' });
  });
});

describe('quoteArg()', () => {
  it.each([
    ['plain', 'plain'],
    ['', '""'],
    ['a b', '"a b"'],
    ['a"b', '"a\\"b"'],
    ['a\\"b', '"a\\\\\\"b"'],
    ['C:\\dir name\\', '"C:\\dir name\\\\"'],
    ['C:\\dir\\', 'C:\\dir\\'],
  ])('writes %j as %s', (arg, quoted) => {
    expect(quoteArg(arg)).toBe(quoted);
  });
});

describe('windowsCwd()', () => {
  it.each([
    [{}, '', false, 'C:\\'],
    [{}, '', true, 'C:\\hpc'],
    [{}, '/app', false, 'C:\\app'],
    [{ workingDir: 'D:' }, '/app', false, 'D:\\'],
    [{ workingDir: '%CONTAINER_SANDBOX_MOUNT_POINT%\\x' }, '', true, '%CONTAINER_SANDBOX_MOUNT_POINT%\\x'],
  ])('of %j and the image’s %j is, with HostProcess %s, %s', (spec, workingDir, hostProcess, expected) => {
    expect(windowsCwd(spec, image({ workingDir }), hostProcess)).toBe(expected);
  });

  it('names who asked for what is none', () => {
    expect(() => windowsCwd({ workingDir: 'app' }, image({}), false)).toThrow(
      'config.working_dir: "app" is no absolute',
    );
    expect(() => windowsCwd({}, image({ workingDir: '%x%' }), false)).toThrow('the WORKDIR of image x: "%x%" is no');
  });
});

describe('windowsEnv()', () => {
  it('knows no case in names, and leaves out what is no variable', () => {
    const { env, notices } = windowsEnv({ env: [['PATH', 'b']] }, image({ env: ['Path=a', 'x=1', 'odd'] }));
    expect(env).toEqual(['x=1', 'PATH=b']);
    expect(notices).toEqual(['image x: env "odd" is no variable and is left out']);
  });
});

describe('windowsDevices()', () => {
  it.each([
    [
      { hostPath: 'class/x', containerPath: '/dev/x', permissions: '' },
      'config.devices[0].container_path: must be empty',
    ],
    [{ hostPath: 'class/x', containerPath: '', permissions: 'rw' }, 'config.devices[0].permissions: must be empty'],
    [{ hostPath: '/dev/x', containerPath: '', permissions: '' }, 'config.devices[0].host_path: must be class/GUID'],
  ])('refuses %j', (device, message) => {
    expect(() => windowsDevices([device])).toThrow(message);
  });
});

describe('checkIsolation()', () => {
  it('refuses processes of the node in a virtual machine', () => {
    expect(() => checkIsolation({ hostProcess: true }, 'hv', 'hypervisor')).toThrow('handler hv gives each pod');
    expect(() => checkIsolation({ hostProcess: true }, 'win', 'process')).not.toThrow();
    expect(() => checkIsolation({ hostProcess: false }, 'hv', 'hypervisor')).not.toThrow();
  });
});

describe('foldWindowsResources()', () => {
  it('keeps what an update leaves out, but for what excludes what it sets', () => {
    const before = { cpuShares: 100, memoryLimitBytes: 5, rootfsSizeBytes: 6 };
    expect(foldWindowsResources(before, { memoryLimitBytes: 7 })).toEqual({ ...before, memoryLimitBytes: 7 });
    expect(foldWindowsResources(before, { cpuMaximum: 50 })).toEqual({
      cpuMaximum: 50,
      memoryLimitBytes: 5,
      rootfsSizeBytes: 6,
    });
  });
});

describe('updatedWindowsSpec()', () => {
  const spec = {
    process: { cwd: 'C:\\' },
    windows: { resources: { cpu: { count: 1 } }, network: { networkNamespace: 'n' } },
  };

  it('changes the limits and nothing else', () => {
    expect(updatedWindowsSpec(spec, { cpuMaximum: 5 })).toEqual({
      process: spec.process,
      windows: { network: { networkNamespace: 'n' }, resources: { cpu: { maximum: 5 } } },
    });
    expect(updatedWindowsSpec(spec, {})).toEqual({ process: spec.process, windows: { network: spec.windows.network } });
    expect(ociWindowsResources({})).toBeUndefined();
  });

  it('refuses a spec of Linux', () => {
    expect(() => updatedWindowsSpec({ linux: {} }, {})).toThrow('no OCI spec for Windows');
  });
});
