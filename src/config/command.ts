import { ConfigError } from './config-error.ts';
import { checkConfig, loadConfig, type ConfigFiles } from './load.ts';
import { defaultToml, dumpToml } from './render-toml.ts';

/** Where a command's text goes; `process.stdout` fits. */
export interface Output {
  write(text: string): unknown;
}

/**
 * `davitd config default|check|dump`; `argv` is what follows `config`. Returns the exit code; what is wrong with the
 * configuration or with the command is thrown as ConfigError, for which the daemon exits with 2.
 */
export function runConfigCommand(argv: readonly string[], stdout: Output, files?: ConfigFiles): number {
  const [verb = '', ...flags] = argv;
  if (verb === 'default' && flags.length === 0) stdout.write(defaultToml());
  else if (verb === 'check') stdout.write(check(flags, files));
  else if (verb === 'dump') stdout.write(dumpToml(loadConfig(flags, files)));
  else throw new ConfigError([misuse(argv)]);
  return 0;
}

function check(flags: readonly string[], files: ConfigFiles | undefined): string {
  const checked = checkConfig(flags, files);
  if (checked.config === undefined) throw new ConfigError(checked.problems);
  const read = checked.files.length === 0 ? 'no file, only defaults and flags' : checked.files.join(', ');
  return `The configuration is good: ${read}.\n`;
}

function misuse(argv: readonly string[]) {
  const message = 'use config default, config check [flags] or config dump [flags]';
  return { file: 'command line', key: ['config', ...argv].join(' '), message };
}
