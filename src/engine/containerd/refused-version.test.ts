import { describe, expect, it } from 'vitest';
import { refusedVersion } from './refused-version.ts';

describe('refusedVersion()', () => {
  it.each(['2.1.0', 'v2.1.0', 'v2.1.0-rc.1', '2.1.0~ds1', '2.1.0+unknown'])(
    'CVE-2025-47290: refuses containerd %s and says what to install',
    (version) => {
      const error = refusedVersion(version, '/run/x.sock');
      expect(error?.kind).toBe('failed-precondition');
      expect(error?.message).toMatch(/\/run\/x\.sock is .*2\.1\.0.*install 2\.1\.1 or newer/);
    },
  );

  it.each(['1.6.20~ds1', '1.7.30', 'v2.0.5', 'v2.1.1', 'v2.1.10', 'v2.4.2', '12.1.0', ''])(
    'works with %s',
    (version) => {
      expect(refusedVersion(version, '/run/x.sock')).toBeUndefined();
    },
  );
});
