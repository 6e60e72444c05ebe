import { describe, expect, it } from 'vitest';
import type { EngineConfig, LimitsConfig } from './engine-config.ts';
import { EngineError } from './errors.ts';
import { reload } from './reload.ts';
import { createHandlers, LiveHandlers } from './runtime/handlers.ts';

const RUNC = {
  type: 'io.containerd.runc.v2',
  options: {},
  snapshotter: 'overlayfs',
  podAnnotations: [],
  containerAnnotations: [],
  defaultAnnotations: {},
  privilegedWithoutHostDevices: false,
  cgroupWritable: false,
  execCpuAffinity: 'all' as const,
};

/** The parts that a reload reads. */
function config(more: Partial<EngineConfig> = {}): EngineConfig {
  const parts: Partial<EngineConfig> = {
    handlers: { runc: RUNC },
    defaultRuntime: 'runc',
    registryConfigPath: ['/certs'],
    images: { pinned: ['a'], maxConcurrentDownloads: 2, progressTimeoutMs: 5, artifacts: true },
    limits: { concurrentWork: 3, workPatienceMs: 5 },
    ...more,
  };
  return parts as EngineConfig;
}

function setUp() {
  const done: unknown[] = [];
  const handlers = new LiveHandlers(createHandlers(config(), 'cgroupfs'));
  const deps = {
    handlers,
    runtimes: { refresh: async () => void done.push('refresh') },
    images: { reload: (options: object) => void done.push(options) },
    network: { setLimits: (limits: LimitsConfig) => void done.push(`network ${limits.concurrentWork}`) },
    work: { setLimits: (limits: LimitsConfig) => void done.push(`work ${limits.concurrentWork}`) },
    driver: 'cgroupfs' as const,
  };
  return { done, deps, handlers };
}

const NEVER = new AbortController().signal;

describe('reload()', () => {
  it('gives each subsystem its part, and probes the runtimes of new handlers', async () => {
    const { done, deps, handlers } = setUp();
    const next = config({ handlers: { runc: RUNC, other: RUNC } });
    expect(await reload(deps, next, NEVER)).toEqual([]);
    expect(handlers.all.map(({ name }) => name)).toEqual(['runc', 'other']);
    expect(done).toEqual([{ registryConfigPath: ['/certs'], ...next.images }, 'work 3', 'network 3', 'refresh']);
  });

  it('changes nothing when a part is refused', async () => {
    const { done, deps, handlers } = setUp();
    await expect(reload(deps, config({ defaultRuntime: 'gone' }), NEVER)).rejects.toThrow(EngineError);
    expect(done).toEqual([]);
    expect(handlers.all.map(({ name }) => name)).toEqual(['runc']);
  });

  it('leaves the handlers when they want cgroups to be made by somebody else', async () => {
    const { deps, handlers } = setUp();
    const next = config({ handlers: { runc: { ...RUNC, options: { SystemdCgroup: true } } } });
    expect(await reload(deps, next, NEVER)).toEqual(['handlers']);
    expect(handlers.cgroupDriver).toBe('cgroupfs');
  });
});
