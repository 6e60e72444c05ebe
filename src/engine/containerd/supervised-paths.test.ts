import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { supervisedConfig, supervisedPaths } from './supervised-paths.ts';

describe('supervisedConfig()', () => {
  it('gives containerd root, state and socket of its own, and no CRI plugin', () => {
    const paths = supervisedPaths('/var/lib/davit "x"', '/run/davit');
    const config = parse(supervisedConfig(paths));
    expect(config).toMatchObject({
      version: 2,
      root: '/var/lib/davit "x"/containerd',
      state: '/run/davit/containerd',
      grpc: { address: '/run/davit/containerd/containerd.sock' },
    });
    expect(config['disabled_plugins']).toContain('io.containerd.grpc.v1.cri');
    expect(config['disabled_plugins']).toContain('io.containerd.cri.v1.runtime');
  });

  it('refuses a state directory that makes the socket path too long', () => {
    const paths = supervisedPaths('/r', `/${'x'.repeat(90)}`);
    expect(() => supervisedConfig(paths)).toThrow('--state');
  });
});
