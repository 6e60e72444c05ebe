import { describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import type { ErrorKind } from '../errors.ts';
import { DirectTasks } from './direct-tasks.ts';
import type { TasksClient } from './processes.ts';

const NEVER = { signal: new AbortController().signal };
const SHIM = { path: '/shim', version: 3 } as const;

const shimOf = (id: string) => (id === 'known' ? SHIM : undefined);

/** Tasks whose shim answers pid 1, or fails so, and whose containerd answers pid 2. */
function tasks(failure?: ErrorKind) {
  const asked: string[] = [];
  const answerer = (name: string, pid: number, kind?: ErrorKind) => {
    const answer = async (): Promise<{ pid: number; exitStatus: number }> => {
      asked.push(name);
      if (kind !== undefined) throw new EngineError(kind, `${name} says ${kind}`);
      return { pid, exitStatus: pid };
    };
    return {
      exec: answer,
      start: answer,
      wait: answer,
      kill: answer,
      resizePty: answer,
      closeIO: answer,
      deleteProcess: answer,
    };
  };
  const containerd: TasksClient = answerer('containerd', 2);
  return { asked, direct: new DirectTasks({ shims: answerer('shim', 1, failure), shimOf, containerd }) };
}

describe('DirectTasks', () => {
  it('asks the shim', async () => {
    const { asked, direct } = tasks();
    expect(await direct.start({ containerId: 'known', execId: 'e' }, NEVER)).toMatchObject({ pid: 1 });
    expect(asked).toEqual(['shim']);
  });

  it('asks containerd where no shim is known', async () => {
    const { asked, direct } = tasks();
    expect(await direct.wait({ containerId: 'other', execId: 'e' }, NEVER)).toMatchObject({ exitStatus: 2 });
    expect(asked).toEqual(['containerd']);
  });

  it('asks containerd when the shim is gone', async () => {
    const { asked, direct } = tasks('unavailable');
    expect(await direct.start({ containerId: 'known', execId: 'e' }, NEVER)).toMatchObject({ pid: 2 });
    expect(asked).toEqual(['shim', 'containerd']);
  });

  it('takes a refusal of the shim as one', async () => {
    const { asked, direct } = tasks('unknown');
    await expect(direct.start({ containerId: 'known', execId: 'e' }, NEVER)).rejects.toThrow('shim says unknown');
    expect(asked).toEqual(['shim']);
  });

  it('asks nobody else once the caller has gone', async () => {
    const { asked, direct } = tasks('unavailable');
    const options = { signal: AbortSignal.abort() };
    await expect(direct.exec({ containerId: 'known', execId: 'e' }, options)).rejects.toThrow('shim says');
    expect(asked).toEqual(['shim']);
  });
});
