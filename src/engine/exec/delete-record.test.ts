import { describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import type { ErrorKind } from '../errors.ts';
import { deleteRecord } from './delete-record.ts';

const IDS = { containerId: 'c', execId: 'c.1' };

/** A containerd that fails with these kinds, one call after the other, and then does not. */
function failing(...kinds: readonly ErrorKind[]) {
  const asked: string[] = [];
  const rest = [...kinds];
  return {
    asked,
    processes: {
      delete: async () => {
        const kind = rest.shift();
        asked.push(kind ?? 'deleted');
        if (kind !== undefined) throw new EngineError(kind, kind);
      },
    },
    reachable: async () => void asked.push('reached'),
  };
}

describe('deleteRecord()', () => {
  const never = new AbortController().signal;

  it('waits for containerd, and asks again while the process seems to run', async () => {
    const deps = failing('failed-precondition', 'unavailable', 'unknown');
    await deleteRecord(deps, IDS, never);
    expect(deps.asked).toEqual(['failed-precondition', 'unavailable', 'reached', 'unknown', 'deleted']);
  });

  it('gives up on a process that does not end when the signal does', async () => {
    const deps = failing(...Array.from({ length: 100 }, () => 'failed-precondition' as const));
    await expect(deleteRecord(deps, IDS, AbortSignal.timeout(50))).rejects.toThrow('aborted');
    expect(deps.asked).not.toContain('deleted');
  });
});
