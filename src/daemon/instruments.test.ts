import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { fakeEngine } from '../cri/fake-engine.ts';
import { EngineError } from '../engine/index.ts';
import { addEngineMetrics } from '../telemetry/index.ts';
import { createInstruments, pullObserver } from './instruments.ts';
import { addNodeMetrics } from './node-metrics.ts';

describe('createInstruments()', () => {
  it('measures actions, and counts those that fail by kind', async () => {
    const registry = new Registry();
    const instruments = createInstruments(addEngineMetrics(registry), undefined);
    const action = { kind: 'action', name: 'cni-add', attributes: {} } as const;
    expect(await instruments.around(action, () => Promise.resolve(7))).toBe(7);
    const failing = instruments.around(action, () => Promise.reject(new EngineError('unavailable', 'no')));
    await expect(failing).rejects.toThrow('no');
    await instruments.around({ ...action, kind: 'step', name: 'x' }, () => Promise.resolve());
    const body = await registry.metrics();
    expect(body).toContain('davit_engine_action_duration_seconds_count{action="cni-add"} 2');
    expect(body).toContain('davit_engine_action_duration_seconds_count{action="restore"} 0');
    expect(body).toContain('davit_engine_action_failures_total{action="cni-add",kind="unavailable"} 1');
    expect(body).not.toContain('action="x"');
    expect(instruments.headers()).toEqual({});
  });
});

describe('pullObserver()', () => {
  it('counts bytes, pulls and failures', async () => {
    const registry = new Registry();
    const pulls = pullObserver(addEngineMetrics(registry));
    pulls.received(5);
    pulls.received(7);
    pulls.pullEnded({ reference: 'a', durationMs: 300, image: { id: 'i', sizeBytes: 12 } });
    pulls.pullEnded({ reference: 'a', durationMs: 300, error: new EngineError('unauthenticated', 'no') });
    const body = await registry.metrics();
    expect(body).toContain('davit_image_pull_received_bytes_total 12');
    expect(body).toContain('davit_image_pull_duration_seconds_count 2');
    expect(body).toContain('davit_image_pull_failures_total{kind="unauthenticated"} 1');
  });
});

describe('addNodeMetrics()', () => {
  it('says what the node is, and whether containerd is there', async () => {
    const registry = new Registry();
    const condition = { type: 'RuntimeReady', ready: false, reason: 'Away', message: '' } as const;
    const status = { ...fakeEngine().status(), conditions: [condition] };
    const engine = fakeEngine({
      status: () => status,
      containerdIsReachable: () => false,
      containerdVersion: () => '2.4.2',
    });
    addNodeMetrics(registry, engine, '1.2.3');
    const body = await registry.metrics();
    expect(body).toMatch(/davit_engine_info\{version="1.2.3",containerd="2.4.2",kernel=".+"\} 1/);
    expect(body).toMatch(/davit_engine_cpus [1-9]/);
    expect(body).toContain('davit_containerd_up 0');
    expect(body).toContain('davit_condition{condition="RuntimeReady"} 0');
    expect(body).toContain('davit_image_pulls_in_flight 0');
  });
});
