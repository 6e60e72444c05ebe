import { register as globalRegistry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

const SERVICE = 'runtime.v1.RuntimeService';

describe('createMetrics()', () => {
  it('counts calls by method and code and measures them', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.callStarted(SERVICE, 'Version');
    metrics.callStarted(SERVICE, 'Version');
    metrics.callEnded({ service: SERVICE, method: 'Version', code: 'OK', seconds: 0.003 });
    const { body, contentType } = await metrics.render();
    const labels = `grpc_service="${SERVICE}",grpc_method="Version"`;
    expect(contentType).toContain('text/plain');
    expect(body).toContain(`davit_grpc_server_handled_total{${labels},grpc_code="OK"} 1`);
    expect(body).toContain(`davit_grpc_server_in_flight{${labels}} 1`);
    expect(body).toContain(`davit_grpc_server_handling_seconds_bucket{le="0.005",${labels}} 1`);
    expect(body).toContain(`davit_grpc_server_handling_seconds_bucket{le="0.0025",${labels}} 0`);
    expect(body).toContain('davit_build_info{version="1.2.3"} 1');
  });

  it("measures the engine's steps and counts those that failed", async () => {
    const metrics = createMetrics('0');
    metrics.stepEnded({ op: 'run-sandbox', step: 'attach-network', durationMs: 40 });
    metrics.stepEnded({ op: 'run-sandbox', step: 'attach-network', durationMs: 60, error: new Error('no') });
    const { body } = await metrics.render();
    const labels = 'op="run-sandbox",step="attach-network"';
    expect(body).toContain(`davit_step_seconds_count{${labels}} 2`);
    expect(body).toContain(`davit_step_failures_total{${labels}} 1`);
  });

  it('counts what searches for orphans removed, and shows what the last one left', async () => {
    const metrics = createMetrics('0', ['shim', 'snapshot']);
    const kept = [{ kind: 'snapshot', reason: 'damaged-record' }];
    metrics.reconciled({ durationMs: 5, removed: ['shim', 'shim'], failed: ['snapshot'], kept });
    const first = (await metrics.render()).body;
    expect(first).toContain('davit_reconcile_orphans_removed_total{kind="shim"} 2');
    expect(first).toContain('davit_reconcile_orphans_removed_total{kind="snapshot"} 0');
    expect(first).toContain('davit_reconcile_removal_failures_total{kind="snapshot"} 1');
    expect(first).toContain('davit_reconcile_orphans_kept{kind="snapshot",reason="damaged-record"} 1');
    metrics.reconciled({ durationMs: 5, removed: [], failed: [], kept: [], error: new Error('away') });
    const second = (await metrics.render()).body;
    expect(second).not.toContain('davit_reconcile_orphans_kept{');
    expect(second).toContain('davit_reconcile_duration_seconds_count 2');
  });

  it('has figures of the process and of the event loop', async () => {
    const { body } = await createMetrics('0').render();
    expect(body).toContain('process_resident_memory_bytes');
    expect(body).toContain('nodejs_eventloop_lag_p99_seconds');
  });

  it('shows every state at each scrape, also those without objects', async () => {
    const metrics = createMetrics('0');
    let now = ['ready', 'ready', 'not-ready'];
    const states = ['ready', 'not-ready'];
    metrics.addStateGauge({ name: 'davit_sandboxes', help: 'Pods.', states, read: () => now });
    expect((await metrics.render()).body).toContain('davit_sandboxes{state="ready"} 2');
    now = ['not-ready'];
    const { body } = await metrics.render();
    expect(body).toContain('davit_sandboxes{state="ready"} 0');
    expect(body).toContain('davit_sandboxes{state="not-ready"} 1');
  });

  it("leaves prom-client's global registry alone", () => {
    createMetrics('0');
    expect(globalRegistry.getMetricsAsArray()).toEqual([]);
  });
});
