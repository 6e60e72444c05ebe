import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createShimProcesses, shimId } from './shim-processes.ts';

describe('shimId()', () => {
  it.each([
    [['/usr/bin/containerd-shim-runc-v2', '-namespace', 'davit', '-id', 'c1', '-address', '/run/s'], 'c1'],
    [['containerd-shim-kata-v2', '-address', '/run/s', '-namespace', 'davit', '-id', 'c1'], 'c1'],
    [['/usr/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-id', 'c1'], undefined],
    [['/usr/bin/containerd-shim-runc-v2', '-namespace', 'davit', '-id', 'c1', 'start'], undefined],
    [['/usr/bin/containerd-shim-runc-v2', '-namespace', 'davit', '-id', 'c1', '-bundle', '/b', 'delete'], undefined],
    [['/usr/bin/grep', '-namespace', 'davit', '-id', 'c1'], undefined],
    [[], undefined],
  ])('reads %j', (command, id) => {
    expect(shimId(command, 'davit')).toBe(id);
  });
});

describe('ShimProcesses', () => {
  it('lists those that run, and kills the one that is meant', async () => {
    const child = spawn('sleep', ['1000'], { argv0: 'sleep', stdio: 'ignore' });
    const shim = spawn(
      process.execPath,
      ['-e', 'setInterval(() => {}, 1000)', '--', '-namespace', 'dvt', '-id', 'c1'],
      {
        argv0: '/usr/bin/containerd-shim-runc-v2',
        stdio: 'ignore',
      },
    );
    try {
      await Promise.all([once(child, 'spawn'), once(shim, 'spawn')]);
      const shims = createShimProcesses('dvt');
      expect(await shims.list()).toEqual([{ pid: shim.pid, id: 'c1' }]);
      expect(await shims.kill({ pid: shim.pid ?? 0, id: 'c2' })).toBe(false);
      expect(await shims.kill({ pid: child.pid ?? 0, id: 'c1' })).toBe(false);
      const ended = once(shim, 'exit');
      expect(await shims.kill({ pid: shim.pid ?? 0, id: 'c1' })).toBe(true);
      await ended;
      expect(await shims.kill({ pid: shim.pid ?? 0, id: 'c1' })).toBe(false);
      expect(await shims.list()).toEqual([]);
    } finally {
      child.kill('SIGKILL');
      shim.kill('SIGKILL');
    }
  });
});
