import { describe, expect, it } from 'vitest';
import { runConfigCommand } from './command.ts';
import { ConfigError } from './config-error.ts';
import { defaultConfig } from './defaults.ts';
import { defaultToml, dumpToml } from './render-toml.ts';

describe('runConfigCommand()', () => {
  it('prints the default file', () => {
    expect(run(['default'])).toEqual({ code: 0, text: defaultToml() });
  });

  it('prints the configuration in force', () => {
    const { text } = run(['dump', '--log-level', 'debug']);
    expect(text).toBe(dumpToml({ ...defaultConfig(), logLevel: 'debug' }));
  });

  it('says that a good configuration is good', () => {
    expect(run(['check']).text).toBe('The configuration is good: no file, only defaults and flags.\n');
  });

  it('throws what is wrong with a configuration', () => {
    expect(() => run(['check', '--root', 'x'])).toThrow('command line: --root: must be an absolute path, got "x"');
    expect(() => run(['dump', '--root', 'x'])).toThrow(ConfigError);
  });

  it.each([[[]], [['defaults']], [['default', '--root', '/x']], [['--help']]])('says how it is used for %j', (argv) => {
    expect(() => run(argv)).toThrow('use config default, config check [flags] or config dump [flags]');
  });
});

function run(argv: readonly string[]) {
  let text = '';
  const write = (part: string) => (text += part);
  const code = runConfigCommand(argv, { write }, { readFile: missing, listDir: missing });
  return { code, text };
}

function missing(): never {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
}
