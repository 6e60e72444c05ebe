import { describe, expect, it } from 'vitest';
import { serveMetrics } from './metrics-server.ts';

const render = () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: 'x 1\n' });

describe('serveMetrics()', () => {
  it('serves metrics, health and readiness', async () => {
    let unready: string | undefined = 'starting';
    let healthy = true;
    await using server = await serveMetrics('127.0.0.1:0', {
      render,
      isHealthy: () => healthy,
      unready: () => unready,
    });
    const base = `http://127.0.0.1:${server.address.port}`;
    const metrics = await fetch(`${base}/metrics`);
    expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    expect(await metrics.text()).toBe('x 1\n');
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    const starting = await fetch(`${base}/readyz`);
    expect([starting.status, await starting.text()]).toEqual([503, 'starting\n']);
    unready = undefined;
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    healthy = false;
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
    const health = await fetch(`${base}/healthz`);
    expect([health.status, await health.text()]).toEqual([503, 'davitd does not answer on its own socket\n']);
    expect((await fetch(`${base}/other`)).status).toBe(404);
    expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  it('listens on IPv6 in brackets', async () => {
    await using server = await serveMetrics('[::1]:0', { render, isHealthy: () => true, unready: () => undefined });
    expect((await fetch(`http://[::1]:${server.address.port}/healthz`)).status).toBe(200);
  });

  it('names an address that is taken', async () => {
    await using server = await serveMetrics('127.0.0.1:0', { render, isHealthy: () => true, unready: () => undefined });
    const again = serveMetrics(`127.0.0.1:${server.address.port}`, {
      render,
      isHealthy: () => true,
      unready: () => undefined,
    });
    await expect(again).rejects.toThrow(`metrics address 127.0.0.1:${server.address.port}`);
  });

  it('can be closed twice', async () => {
    const server = await serveMetrics('127.0.0.1:0', { render, isHealthy: () => true, unready: () => undefined });
    await server.close();
    await expect(server.close()).resolves.toBeUndefined();
  });
});
