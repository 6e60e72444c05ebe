import { describe, expect, it } from 'vitest';
import { processArgs, processCwd, processEnv } from './process.ts';
import type { SpecImage } from './process.ts';
import { imageConfig } from './test-input.ts';

function image(more: Parameters<typeof imageConfig>[0] = {}): SpecImage {
  return { name: 'web:1', config: imageConfig(more) };
}

describe('processArgs()', () => {
  it.each([
    [[], [], ['/entry', 'serve']],
    [['run'], [], ['run']],
    [['run'], ['fast'], ['run', 'fast']],
    [[], ['fast'], ['/entry', 'fast']],
  ])('makes of command %j and args %j %j', (command, args, expected) => {
    expect(processArgs({ command, args }, image())).toEqual(expected);
  });

  it('names the image that has nothing to run', () => {
    expect(() => processArgs({ command: [], args: [] }, image({ entrypoint: [], cmd: [] }))).toThrow('image web:1');
    expect(() => processArgs({ command: [''], args: [] }, image())).toThrow('nothing to run');
  });

  it('refuses a NUL', () => {
    expect(() => processArgs({ command: ['a', 'b\0'], args: [] }, image())).toThrow('config.command[1]');
    expect(() => processArgs({ command: [], args: [] }, image({ cmd: ['\0'] }))).toThrow('image web:1');
  });
});

describe('processEnv()', () => {
  it("puts the image's variables over the defaults and the request's over the image's, the last one winning", () => {
    const { env } = processEnv(
      {
        tty: true,
        env: [
          ['A', '3'],
          ['B', '1=2'],
          ['A', '4'],
          ['EMPTY', ''],
        ],
      },
      image({ env: ['PATH=/bin', 'A=1', 'A=2', 'TERM=dumb'] }),
      'host',
    );
    expect(env).toEqual(['PATH=/bin', 'HOSTNAME=host', 'TERM=dumb', 'A=4', 'B=1=2', 'EMPTY=']);
  });

  it('sets TERM for a terminal only', () => {
    expect(processEnv({ tty: true, env: [] }, image(), 'host').env).toContain('TERM=xterm');
    expect(processEnv({ tty: false, env: [] }, image(), 'host').env).not.toContain('TERM=xterm');
  });

  it('leaves out what is no variable in the image and says so', () => {
    const { env, notices } = processEnv({ tty: false, env: [] }, image({ env: ['FOO', '=x', 'A=\0', 'B=1'] }), 'host');
    expect(env.slice(2)).toEqual(['B=1']);
    expect(notices).toHaveLength(3);
  });

  it.each(['', 'A=B', 'A\0'])('refuses the name %j in the request', (name) => {
    expect(() =>
      processEnv(
        {
          tty: false,
          env: [
            ['OK', ''],
            [name, 'x'],
          ],
        },
        image(),
        'host',
      ),
    ).toThrow('config.envs[1].key');
  });
});

describe('processCwd()', () => {
  it("prefers the request's, then the image's, then the root", () => {
    expect(processCwd({ workingDir: '/srv/../app/' }, image({ workingDir: '/img' }))).toBe('/app');
    expect(processCwd({}, image({ workingDir: '/img' }))).toBe('/img');
    expect(processCwd({ workingDir: '' }, image())).toBe('/');
  });

  it.each(['relative', '/proc/self/fd/7', '/x/../proc/self/fd/7', '/proc/thread-self/cwd', '/proc/1/root', '/a\0'])(
    'refuses the WORKDIR %j of an image',
    (workingDir) => {
      expect(() => processCwd({}, image({ workingDir }))).toThrow('the WORKDIR of image web:1');
    },
  );

  it('names the field of the request', () => {
    expect(() => processCwd({ workingDir: 'x' }, image())).toThrow('config.working_dir');
  });
});
