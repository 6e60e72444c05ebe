import { describe, expect, it } from 'vitest';
import { checkHostname } from './hostname.ts';

describe('checkHostname()', () => {
  it.each(['a', 'web-0', 'web-0.ns.svc.cluster.local', 'n'.repeat(64)])('takes %s', (name) => {
    expect(() => checkHostname(name)).not.toThrow();
  });

  it.each(['', 'n'.repeat(65), 'a b', 'a\nb', '-a', 'a.', 'ü'])('rejects %j', (name) => {
    expect(() => checkHostname(name)).toThrow(/^config\.hostname: /);
  });
});
