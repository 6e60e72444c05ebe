import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadRoot } from '../../hack/lib/load-protos.ts';
import { compareFacts, countKinds, factsOf } from '../../hack/lib/proto-facts.ts';
import type { Fact } from '../../hack/lib/proto-facts.ts';

const OURS = join(import.meta.dirname, '../../proto/cri');

let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'dv-protos-'));
  cpSync(OURS, copy, { recursive: true });
});

afterEach(() => rmSync(copy, { recursive: true }));

describe('compareFacts()', () => {
  it('finds nothing between equal definitions', () => {
    expect(compareFacts(factsIn(OURS), factsIn(copy), 'everything')).toEqual([]);
    expect(countKinds(factsIn(OURS))).toContain('43 methods');
  });

  it.each([
    [
      'a field number',
      'string runtime_handler = 2;',
      'string runtime_handler = 3;',
      'RunPodSandboxRequest.runtime_handler',
    ],
    ['a field type', 'int64 timeout = 2;', 'int32 timeout = 2;', 'StopContainerRequest.timeout'],
    ['a label', 'repeated string servers = 1;', 'string servers = 1;', 'DNSConfig.servers'],
    ['an enum value', 'SIGNAL_SIGTERM = 23;', 'SIGNAL_SIGTERM = 99;', 'Signal.SIGNAL_SIGTERM'],
    ['a streaming flag', 'returns (stream StreamImagesResponse)', 'returns (StreamImagesResponse)', 'StreamImages'],
    ['a missing field', 'string identity_token = 5 [debug_redact = true];', '', 'AuthConfig.identity_token'],
    ['a secret that would be logged', 'password = 2 [debug_redact = true]', 'password = 2', 'AuthConfig.password'],
  ])('finds %s, whichever side it is on', (_what, from, to, name) => {
    const path = join(copy, 'api.proto');
    const text = readFileSync(path, 'utf8');
    expect(text).toContain(from);
    writeFileSync(path, text.replace(from, to));
    for (const [ours, theirs] of [[OURS, copy] as const, [copy, OURS] as const]) {
      expect(compareFacts(factsIn(ours), factsIn(theirs), 'everything')).toEqual([expect.stringContaining(name)]);
    }
  });

  it('lets whole messages be missing only where that is allowed', () => {
    const whole = factsIn(OURS);
    const part = new Map([...whole].filter(([, fact]) => fact.owner !== 'runtime.v1.PsiData'));
    expect(compareFacts(part, whole, 'what ours has')).toEqual([]);
    expect(compareFacts(part, whole, 'everything')).toHaveLength(5);
    expect(compareFacts(whole, part, 'what ours has')).toHaveLength(5);
  });
});

function factsIn(dir: string): ReadonlyMap<string, Fact> {
  return factsOf(loadRoot(dir, ['api.proto'], { keepCase: true }), 'runtime.v1');
}
