import { describe, expect, it } from 'vitest';
import type { ContainerdStatus, ServerFacts } from './containerd/index.ts';
import { EngineError } from './errors.ts';
import { ReadyGate } from './ready-gate.ts';
import { whenReady } from './when-ready.ts';

const NEVER = new AbortController().signal;
const READY: ContainerdStatus = { ready: true, reason: '', message: '', address: '/c.sock' };
const AWAY: ContainerdStatus = {
  ready: false,
  reason: 'ContainerdUnavailable',
  message: 'containerd at /c.sock does not answer',
  address: '/c.sock',
};
const FACTS: ServerFacts = {
  version: '2.0.0',
  revision: '',
  uuid: 'u',
  plugins: new Set(),
  failed: new Map(),
  snapshotters: [],
  offers: { transfer: false, streaming: false, sandboxes: false },
};

/** An engine whose containerd comes when `arrive` is called. */
function engine(options: { status?: ContainerdStatus; open?: boolean; containerdWaitMs?: number } = {}) {
  const arrived = Promise.withResolvers<ServerFacts>();
  const gate = new ReadyGate();
  if (options.open !== false) gate.open();
  let status = options.status ?? AWAY;
  const containerd = {
    status: () => status,
    ready: async (signal: AbortSignal) => {
      const aborted = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => aborted.reject(new EngineError('cancelled', 'gave up')), { once: true });
      return await Promise.race([arrived.promise, aborted.promise]);
    },
  };
  return {
    deps: { gate, containerd, containerdWaitMs: options.containerdWaitMs ?? 60_000 },
    gate,
    arrive: () => {
      status = READY;
      arrived.resolve(FACTS);
    },
  };
}

describe('whenReady()', () => {
  it('lets a call pass that needs no containerd while it is away', async () => {
    await expect(whenReady(engine().deps, { containerd: false, patienceMs: 1 }, NEVER)).resolves.toBeUndefined();
  });

  it('waits for containerd, and lets the call pass when it comes', async () => {
    const { deps, arrive } = engine();
    const waiting = whenReady(deps, { containerd: true, patienceMs: Infinity }, NEVER);
    arrive();
    await expect(waiting).resolves.toBeUndefined();
  });

  it.each([
    ["the caller's patience", { patienceMs: 20, containerdWaitMs: 60_000 }],
    ['the configured limit', { patienceMs: Infinity, containerdWaitMs: 20 }],
  ])('is unavailable, naming containerd, when %s ends', async (_what, { patienceMs, containerdWaitMs }) => {
    const { deps } = engine({ containerdWaitMs });
    await expect(whenReady(deps, { containerd: true, patienceMs }, NEVER)).rejects.toMatchObject({
      kind: 'unavailable',
      message: AWAY.message,
    });
  });

  it('does not wait for a containerd that is another one', async () => {
    const { deps } = engine({ status: { ...AWAY, reason: 'ContainerdMismatch', message: 'it is another one' } });
    await expect(whenReady(deps, { containerd: true, patienceMs: Infinity }, NEVER)).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'it is another one',
    });
  });

  it('says what restore waits for', async () => {
    const away = engine({ open: false });
    await expect(whenReady(away.deps, { containerd: false, patienceMs: 20 }, NEVER)).rejects.toThrow(AWAY.message);
    const busy = engine({ open: false, status: READY });
    await expect(whenReady(busy.deps, { containerd: false, patienceMs: 20 }, NEVER)).rejects.toThrow(
      'finding its pods',
    );
  });

  it("ends with the caller's own reason when it goes", async () => {
    const { deps } = engine();
    const caller = new AbortController();
    const waiting = whenReady(deps, { containerd: true, patienceMs: Infinity }, caller.signal);
    caller.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
