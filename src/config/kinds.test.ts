import { describe, expect, it } from 'vitest';
import { BadValue, type Kind, type Suffix } from './kind.ts';
import {
  absolutePath,
  boolean,
  duration,
  hostPortOrEmpty,
  integer,
  ipAddress,
  listOf,
  oneOf,
  size,
  socketPathOrAuto,
  subnets,
  text,
  textMap,
  unixSocket,
  wildcard,
} from './kinds.ts';

const range = { min: 1, max: 100_000 };
const short = text('name', /^\w$/, 'one letter');

describe('the kinds', () => {
  it.each<[string, Kind<unknown, Suffix>, unknown, unknown]>([
    ['a boolean', boolean(), true, true],
    ['an integer', integer(range), 3, 3],
    ['a duration', duration(range), '1m', 60_000],
    ['a size', size(range), '4KiB', 4096],
    ['a choice', oneOf('a', 'b'), 'b', 'b'],
    ['a path', absolutePath(), '/a/b/', '/a/b'],
    ['the root folder', absolutePath(), '/', '/'],
    ['a socket', unixSocket(), 'unix:///run/x.sock', 'unix:///run/x.sock'],
    ['auto', socketPathOrAuto(), 'auto', 'auto'],
    ['a socket with a scheme', socketPathOrAuto(), 'unix:///run/x.sock', '/run/x.sock'],
    ['an IP address', ipAddress(), '::1', '::1'],
    ['no address', hostPortOrEmpty(), '', ''],
    ['an IPv4 address', hostPortOrEmpty(), '127.0.0.1:9477', '127.0.0.1:9477'],
    ['an IPv6 address', hostPortOrEmpty(), '[::1]:9477', '[::1]:9477'],
    ['a list in one string', listOf(absolutePath(), ':'), '/a:/b', ['/a', '/b']],
    ['an array', listOf(absolutePath(), ':'), ['/a'], ['/a']],
    ['an empty list', listOf(absolutePath(), ':'), '', []],
    ['a pattern', wildcard('x'), 'io.[a-z]*/?', 'io.[a-z]*/?'],
    ['a table of strings', textMap(short), { a: '1', b: '' }, { a: '1', b: '' }],
    ['a dual stack', subnets(), ['10.0.0.0/16', 'fd00::/64'], ['10.0.0.0/16', 'fd00::/64']],
  ])('read %s', (_, kind, raw, value) => {
    expect(kind.parse(raw)).toEqual(value);
    expect(kind.parse(kind.toRaw(value))).toEqual(value);
  });

  it.each<[string, Kind<unknown, Suffix>, unknown, RegExp]>([
    ['a string as boolean', boolean(), 'yes', /true or false, got a string/],
    ['a float', integer(range), 1.5, /integer, got a float/],
    ['an integer out of range', integer(range), 0, /from 1 to 100000, got 0/],
    ['a number as duration', duration(range), 10, /units like "10s".*got an integer/],
    ['a duration without a unit', duration(range), '10', /got "10"/],
    ['too long a duration', duration(range), '2m', /from 1ms to 1m40s, got 2m/],
    ['a size without a unit', size(range), '16', /got "16"/],
    ['an unknown choice', oneOf('a', 'b'), 'c', /one of a, b; got "c"/],
    ['a relative path', absolutePath(), 'a/b', /absolute path/],
    ['a path that climbs', absolutePath(), '/a/../b', /\.\./],
    ['a path with NUL', absolutePath(), '/a\0b', /NUL/],
    ['a TCP address to listen on', unixSocket(), 'tcp://1.2.3.4:5', /unix:\/\//],
    ['too long a socket path', unixSocket(), `unix:///${'x'.repeat(107)}`, /108 bytes/],
    ['a name for an IP address', ipAddress(), 'localhost', /IP address like/],
    ['a host name', hostPortOrEmpty(), 'localhost:1', /IP address and a port/],
    ['an IPv6 address without brackets', hostPortOrEmpty(), '::1:80', /IP address/],
    ['port 0', hostPortOrEmpty(), '127.0.0.1:0', /IP address/],
    ['port 65536', hostPortOrEmpty(), '127.0.0.1:65536', /IP address/],
    ['a path in a list', listOf(absolutePath(), ':'), ['/a', 'b'], /absolute path/],
    ['an entry of another type', listOf(absolutePath(), ':'), ['/a', 1], /got an integer/],
    ['an entry given twice', listOf(absolutePath(), ':'), '/a:/a', /twice/],
    ['a set that is never closed', wildcard('x'), 'io.[a', /a pattern like/],
    ['a pattern with a space', wildcard('x'), 'io. *', /a pattern like/],
    ['no table', textMap(short), ['a'], /table of strings, got an array/],
    ['a number in a table', textMap(short), { a: 1 }, /a is an integer/],
    ['NUL in a table', textMap(short), { a: '\0' }, /a has a NUL/],
    ['a bad name in a table', textMap(short), { ab: '' }, /one letter, got "ab"/],
    ['two subnets of one family', subnets(), ['10.0.0.0/16', '10.1.0.0/16'], /one of each/],
    ['no subnet', subnets(), [], /one of each/],
    ['a subnet without a length', subnets(), ['10.0.0.0'], /prefix length/],
    ['too small a subnet', subnets(), ['10.0.0.0/30'], /prefix length/],
  ])('refuse %s', (_, kind, raw, message) => {
    expect(() => kind.parse(raw)).toThrow(BadValue);
    expect(() => kind.parse(raw)).toThrow(message);
  });
});
