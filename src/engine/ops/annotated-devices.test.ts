import { describe, expect, it } from 'vitest';
import { annotatedDevices } from './annotated-devices.ts';
import { DEVICES } from './pod-annotation.ts';

const [OWN, ELSEWHERE] = DEVICES;
const OPEN = { podAnnotations: [OWN, ELSEWHERE], defaultAnnotations: {} };
const ALLOWED = { allowedDevices: ['/dev/null', '/dev/zero', '/dev/davit-no-such'] };

function devicesOf(text: string, handler = OPEN) {
  return annotatedDevices({ [ELSEWHERE]: text }, handler, ALLOWED);
}

describe('annotatedDevices()', () => {
  it('looks up what is allowed', async () => {
    expect(await devicesOf('/dev/null:/dev/nothing:rw, /dev/zero')).toEqual([
      { device: expect.objectContaining({ path: '/dev/nothing', major: 1, minor: 3 }) as unknown, permissions: 'rw' },
      { device: expect.objectContaining({ path: '/dev/zero', major: 1, minor: 5 }) as unknown, permissions: 'rwm' },
    ]);
  });

  it.each([
    ['/dev/full', '/dev/full is not among'],
    ['/dev/null,/dev/kmsg:/dev/null', '/dev/kmsg is not among'],
    ['/etc/passwd', '"/etc/passwd" is no device'],
    ['/dev/null:/etc/passwd', 'is no device'],
    ['/dev/davit-no-such', 'davit-no-such'],
  ])('refuses %j by name', async (text, message) => {
    await expect(devicesOf(text)).rejects.toThrow(message);
    await expect(devicesOf(text)).rejects.toThrow(`config.annotations["${ELSEWHERE}"]`);
  });

  it('is nothing without the annotation, and where the handler does not let it through', async () => {
    expect(await annotatedDevices({}, OPEN, ALLOWED)).toEqual([]);
    expect(await devicesOf('')).toEqual([]);
    expect(await devicesOf('/dev/null', { ...OPEN, podAnnotations: [] })).toEqual([]);
  });
});
