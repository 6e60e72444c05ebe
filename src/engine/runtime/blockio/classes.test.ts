import { describe, expect, it } from 'vitest';
import { parseBlockioClasses } from './classes.ts';

const FILE = `
Classes:
  # Slow, on every disk.
  LowPrio:
    - Weight: 80
    - Devices:
        - /dev/sd[a-z]
        - /dev/vda
      ThrottleReadBps: 50M
      ThrottleWriteBps: 10Mi
      ThrottleReadIOPS: 10k
      ThrottleWriteIOPS: "5000"
      weight: "50"
  free: []
`;

function parse(text: string) {
  return Object.fromEntries(parseBlockioClasses(text, '/c.yaml'));
}

describe('parseBlockioClasses()', () => {
  it('reads classes, in YAML and in JSON, keys in any case, numbers as quantities', () => {
    const limits = { readBps: 50_000_000, writeBps: 10 * 1024 ** 2, readIops: 10_000, writeIops: 5000 };
    const classes = {
      LowPrio: [
        { weight: 80, limits: {} },
        { devices: ['/dev/sd[a-z]', '/dev/vda'], weight: 50, limits },
      ],
      free: [],
    };
    expect(parse(FILE)).toEqual(classes);
    expect(parse('{"classes":{"a":[{"Devices":["/dev/x"],"ThrottleReadBps":1}]}}')).toEqual({
      a: [{ devices: ['/dev/x'], limits: { readBps: 1 } }],
    });
  });

  it('takes a file without classes', () => {
    expect(parse('')).toEqual({});
    expect(parse('Classes:\n')).toEqual({});
  });

  it.each([
    ['a: [', '/c.yaml: is not YAML'],
    ['- x', '/c.yaml: must hold keys'],
    ['Klasses: {}', '/c.yaml: Klasses is no key'],
    ['Classes: {a: {}}', '/c.yaml: Classes.a: must be a list'],
    ['Classes: {a: [5]}', '/c.yaml: Classes.a[0]: must hold keys'],
    ['Classes: {a: [{Weigth: 5}]}', '/c.yaml: Classes.a[0].Weigth: is no key'],
    ['Classes: {a: [{constructor: 5}]}', '/c.yaml: Classes.a[0].constructor: is no key'],
    ['Classes: {a: [{Weight: 5}]}', '/c.yaml: Classes.a[0].Weight: must be from 10 to 1000, got 5'],
    ['Classes: {a: [{Weight: 1001}]}', 'must be from 10 to 1000'],
    ['Classes: {a: [{Weight: 50, ThrottleReadBps: 5}]}', '/c.yaml: Classes.a[0]: throttles without Devices'],
    ['Classes: {a: [{Devices: [/dev/x], ThrottleReadBps: fast}]}', 'ThrottleReadBps: must be from 0'],
    ['Classes: {a: [{Devices: [/dev/x], ThrottleReadBps: -1}]}', 'ThrottleReadBps: must be from 0'],
    ['Classes: {a: [{Devices: [/etc/x]}]}', 'Devices: must be paths below /dev'],
    ['Classes: {a: [{Devices: [/dev/../etc]}]}', 'Devices: must be paths below /dev'],
    ['Classes: {a: [{Weight: 50, Weight: 60}]}', 'is not YAML'],
  ])('refuses %j', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});
