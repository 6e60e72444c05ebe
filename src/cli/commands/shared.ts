import type { OptionSpec } from '../command.ts';

export const QUIET_OPTION: OptionSpec = { type: 'boolean', short: 'q', doc: 'Print whole ids and nothing else.' };

export const LABEL_OPTION: OptionSpec = {
  type: 'string',
  multiple: true,
  value: 'KEY=VALUE',
  doc: 'Only those with this label; may be given more than once.',
};
