import { describe, expect, it } from 'vitest';
import { additionalDevices, parseAdditionalDevice } from './additional-devices.ts';

describe('parseAdditionalDevice()', () => {
  it('takes the path of the node for the container’s, and everything allowed, unless it is told', () => {
    expect(parseAdditionalDevice('/dev/a')).toEqual({
      hostPath: '/dev/a',
      containerPath: '/dev/a',
      permissions: 'rwm',
    });
    expect(parseAdditionalDevice('/dev/a:/dev/b').containerPath).toBe('/dev/b');
    expect(parseAdditionalDevice('/dev/a:/dev/b:r').permissions).toBe('r');
  });
});

describe('additionalDevices()', () => {
  it('looks devices up on the node', async () => {
    const device = expect.objectContaining({ path: '/dev/nothing', type: 'c', major: 1, minor: 3 }) as unknown;
    expect(await additionalDevices(['/dev/null:/dev/nothing:rw'])).toEqual([{ device, permissions: 'rw' }]);
  });

  it('names the key and the device that is not there', async () => {
    await expect(additionalDevices(['/dev/davit-no-such'])).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('containers.additional_devices: /dev/davit-no-such') as string,
    });
  });
});
