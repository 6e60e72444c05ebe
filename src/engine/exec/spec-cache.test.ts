import { describe, expect, it } from 'vitest';
import { SpecCache } from './spec-cache.ts';

const NEVER = new AbortController().signal;

function cache() {
  const asked: string[] = [];
  const specs = new SpecCache({
    spec: async (id) => {
      asked.push(id);
      if (id === 'gone') throw new Error('not found');
      return { process: { args: [id] }, linux: { resources: {} } };
    },
  });
  return { asked, specs };
}

describe('SpecCache', () => {
  it('asks once for a container, and keeps its process alone', async () => {
    const { asked, specs } = cache();
    for (let i = 0; i < 3; i++) expect(await specs.spec('a', NEVER)).toEqual({ process: { args: ['a'] } });
    expect(asked).toEqual(['a']);
  });

  it('asks again after a failure', async () => {
    const { asked, specs } = cache();
    for (let i = 0; i < 2; i++) await expect(specs.spec('gone', NEVER)).rejects.toThrow('not found');
    expect(asked).toEqual(['gone', 'gone']);
  });

  it('forgets those that were not asked for longest', async () => {
    const { asked, specs } = cache();
    await specs.spec('often', NEVER);
    await specs.spec('once', NEVER);
    for (let i = 0; i < 300; i++) {
      await specs.spec(`c${i}`, NEVER);
      await specs.spec('often', NEVER);
    }
    asked.length = 0;
    await specs.spec('often', NEVER);
    await specs.spec('once', NEVER);
    expect(asked).toEqual(['once']);
  });
});
