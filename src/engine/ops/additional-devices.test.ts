import { describe, expect, it } from 'vitest';
import { additionalDevices } from './additional-devices.ts';

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
