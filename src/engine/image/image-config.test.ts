import { describe, expect, it } from 'vitest';
import { imageUser, parseImageConfig } from './image-config.ts';

const DIFF_ID = `sha256:${'b'.repeat(64)}`;

function parse(document: object): ReturnType<typeof parseImageConfig> {
  return parseImageConfig(Buffer.from(JSON.stringify(document)), 'config of x');
}

function withConfig(config: unknown): ReturnType<typeof parseImageConfig> {
  return parse({ os: 'linux', rootfs: { diff_ids: [DIFF_ID] }, config });
}

describe('parseImageConfig()', () => {
  it('takes what a container is made from', () => {
    const { config, diffIds } = withConfig({
      Entrypoint: ['/init'],
      Cmd: null,
      Env: ['A=1', 'B'],
      WorkingDir: '/srv',
      User: '1000:users',
      StopSignal: 'SIGRTMIN+3',
      Volumes: { '/data': {} },
      Labels: { a: 'b', __proto__x: 'c' },
      ExposedPorts: { '80/tcp': {} },
    });
    expect(diffIds).toEqual([DIFF_ID]);
    expect(config).toEqual({
      entrypoint: ['/init'],
      cmd: [],
      env: ['A=1', 'B'],
      workingDir: '/srv',
      user: '1000:users',
      stopSignal: 'SIGRTMIN+3',
      volumes: ['/data'],
      labels: { a: 'b', __proto__x: 'c' },
    });
  });

  it('fills in what is absent', () => {
    for (const config of [undefined, null, {}]) expect(withConfig(config).config.env).toEqual([]);
  });

  it.each([
    ['a string for a list', { Entrypoint: 'sh' }, 'config.Entrypoint is not an array'],
    ['a number in a list', { Env: [5] }, 'config.Env is not a string'],
    ['a list for a map', { Labels: ['a'] }, 'config.Labels is not an object'],
    ['a number for a label', { Labels: { a: 1 } }, 'config.Labels is not a string'],
    ['a number for the user', { User: 0 }, 'config.User is not a string'],
    ['a giant user', { User: 'u'.repeat(2000) }, 'config.User is longer'],
    ['a giant variable', { Env: ['x'.repeat(200_000)] }, 'config.Env is longer'],
    ['too many variables', { Env: Array.from({ length: 10_001 }, () => 'A=1') }, 'more than 10000 entries'],
    ['a NUL byte', { WorkingDir: '/a\0b' }, 'NUL'],
    ['a signal that is none', { StopSignal: '9; rm -rf /' }, 'is no signal'],
  ])('refuses %s', (_name, config, part) => {
    expect(() => withConfig(config)).toThrow(part);
  });

  it('refuses what is not for linux, and layers without a digest', () => {
    expect(() => parse({ os: 'windows', rootfs: { diff_ids: [] } })).toThrow('not for linux');
    expect(() => parse({ rootfs: { diff_ids: ['sha256:x'] } })).toThrow('diff_ids');
    expect(() => parse({})).toThrow('rootfs is not an object');
  });

  it('does not let a label reach the prototype', () => {
    const bytes = Buffer.from(`{"rootfs":{"diff_ids":[]},"config":{"Labels":{"__proto__":"x"}}}`);
    const { config } = parseImageConfig(bytes, 'x');
    expect(Object.entries(config.labels)).toEqual([['__proto__', 'x']]);
    expect(Object.getPrototypeOf(config.labels)).toBe(Object.prototype);
  });
});

describe('imageUser()', () => {
  it.each([
    ['', {}],
    ['0', { uid: 0 }],
    ['1000:1000', { uid: 1000 }],
    ['root', { username: 'root' }],
    ['web:staff', { username: 'web' }],
    ['4294967294', { uid: 4294967294 }],
    ['4294967295', { username: '4294967295' }],
    ['4294967296', { username: '4294967296' }],
    ['99999999999999999999', { username: '99999999999999999999' }],
    ['-1', { username: '-1' }],
    ['+0', { username: '+0' }],
    ['0x0', { username: '0x0' }],
    [' 0', { username: ' 0' }],
    [':5', {}],
  ])('splits %j', (user, expected) => {
    expect(imageUser(user)).toEqual(expected);
  });
});
