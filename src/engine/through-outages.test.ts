import { describe, expect, it } from 'vitest';
import { EngineError } from './errors.ts';
import { throughOutages } from './through-outages.ts';

const LOGGER = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const NEVER = new AbortController().signal;

/** Fails with these, one after the other, and then does not. */
function work(...failures: readonly Error[]) {
  const rest = [...failures];
  const done: string[] = [];
  return {
    done,
    deps: { logger: LOGGER, reachable: async () => void done.push('reached') },
    run: async () => {
      const failure = rest.shift();
      if (failure !== undefined) throw failure;
      done.push('done');
    },
  };
}

describe('throughOutages()', () => {
  it('begins again each time that containerd goes', async () => {
    const { deps, run, done } = work(new EngineError('unavailable', 'gone'), new EngineError('unavailable', 'gone'));
    await throughOutages(deps, NEVER, run);
    expect(done).toEqual(['reached', 'reached', 'reached', 'done']);
  });

  it('passes on what is not an outage', async () => {
    const { deps, run } = work(new EngineError('data-loss', 'broken'));
    await expect(throughOutages(deps, NEVER, run)).rejects.toThrow('broken');
  });

  it('ends when davitd stops', async () => {
    const { deps, run } = work(new EngineError('unavailable', 'gone'));
    await expect(throughOutages(deps, AbortSignal.abort(), run)).rejects.toThrow('gone');
  });
});
