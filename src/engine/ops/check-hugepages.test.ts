import { describe, expect, it } from 'vitest';
import { checkHugepages } from './check-hugepages.ts';

const HOST = { hugepageSizes: ['2MB'] };
const STRICT = { tolerateMissingHugetlb: false };

describe('checkHugepages()', () => {
  it('names the size that the node cannot limit', () => {
    const hugepageLimits = [
      { pageSize: '2MB', limitBytes: 1 },
      { pageSize: '1GB', limitBytes: 1 },
    ];
    expect(() => checkHugepages('linux', { hugepageLimits }, HOST, STRICT)).toThrow(
      expect.objectContaining({
        kind: 'failed-precondition',
        message: expect.stringMatching(/^linux\.hugepage_limits: .* 1GB/) as string,
      }),
    );
    expect(() => checkHugepages('linux', { hugepageLimits }, HOST, { tolerateMissingHugetlb: true })).not.toThrow();
  });

  it('takes what the node has, zeros, and nothing', () => {
    const hugepageLimits = [
      { pageSize: '2MB', limitBytes: 1 },
      { pageSize: '1GB', limitBytes: 0 },
    ];
    expect(() => checkHugepages('linux', { hugepageLimits }, HOST, STRICT)).not.toThrow();
    expect(() => checkHugepages('linux', {}, HOST, STRICT)).not.toThrow();
  });
});
