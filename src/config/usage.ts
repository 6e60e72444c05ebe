import { flagsOf } from './flags.ts';
import { DEFAULT_CONFIG_FILE } from './load.ts';
import { SCHEMA } from './schema.ts';
import { wrap } from './wrap.ts';

const COLUMNS = 100;
const INDENT = '        ';

/** What `davitd --help` prints: every flag with its kind, its default and what it does. */
export function usage(): string {
  const flags = [...flagsOf(SCHEMA)].map(([flag, { key }]) => {
    const sample = Array.isArray(key.sample) ? key.sample.join(':') : String(key.sample);
    return entry(`${flag} ${placeholder(key.kind.name)}`, `${key.doc} Default: ${sample === '' ? '""' : sample}.`);
  });
  return [
    'davitd serves the Kubernetes CRI and runs pods, containers and images on containerd.',
    '',
    'usage: davitd [flags]',
    '       davitd config default            a configuration file with every key, its default and what it does',
    '       davitd config check [flags]      read the configuration and say what is wrong with it',
    '       davitd config dump [flags]       the configuration that is in force with these flags and files',
    '',
    'Each flag is a key of the configuration file and wins over it; the other keys are in `davitd config default`.',
    '',
    'flags:',
    entry(
      '--config FILE',
      `The configuration file; conf.d/*.toml beside it is read too. Default: ${DEFAULT_CONFIG_FILE}, if it is there.`,
    ),
    ...flags,
    entry('--version', "Print davit's version."),
    entry('--help, -h', 'Print this.'),
    '',
  ].join('\n');
}

function entry(head: string, doc: string): string {
  return [`  ${head}`, ...wrap(doc, COLUMNS - INDENT.length).map((line) => INDENT + line)].join('\n');
}

function placeholder(kind: string): string {
  return kind === 'boolean'
    ? '[=true|false]'
    : kind.startsWith('list of ')
      ? 'LIST'
      : kind.includes('|')
        ? kind.replaceAll(' ', '')
        : kind.toUpperCase().replaceAll(' ', '-');
}
