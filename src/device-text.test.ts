import { describe, expect, it } from 'vitest';
import { parseDeviceText } from './device-text.ts';

describe('parseDeviceText()', () => {
  it('takes the path of the node for the container’s, and everything allowed, unless it is told', () => {
    const all = { hostPath: '/dev/a', containerPath: '/dev/a', permissions: 'rwm' };
    expect(parseDeviceText('/dev/a')).toEqual(all);
    expect(parseDeviceText('/dev/a:/dev/b/c')).toEqual({ ...all, containerPath: '/dev/b/c' });
    expect(parseDeviceText('/dev/a:/dev/b:r')).toEqual({ ...all, containerPath: '/dev/b', permissions: 'r' });
  });

  it.each(['', '/dev', '/etc/x', '/dev/../x', '/dev/x:/etc', '/dev/x:rw', '/dev/x:/dev/y:', '/dev/x:/dev/y:rx', 'x y'])(
    'refuses %j',
    (text) => {
      expect(parseDeviceText(text)).toBeUndefined();
    },
  );
});
