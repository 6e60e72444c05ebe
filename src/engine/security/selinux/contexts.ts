import { parseLabel } from './label.ts';
import type { SelinuxLabel } from './label.ts';

/** What the node's policy gives containers that ask for nothing. */
export interface SelinuxContexts {
  readonly process: SelinuxLabel;
  /** Of files that a container may change. */
  readonly file: SelinuxLabel;
  /** Of files that all containers may read. */
  readonly sharedFile: SelinuxLabel;
}

/** The folder of the policy in use, from /etc/selinux/config; undefined where none is named. */
export function policyName(config: string): string | undefined {
  return /^\s*SELINUXTYPE\s*=\s*([\w.-]+)\s*$/m.exec(config)?.[1];
}

/** Reads a policy's `contexts/lxc_contexts`; undefined unless it has a label for processes and one for files. */
export function parseContexts(text: string): SelinuxContexts | undefined {
  const labels = new Map<string, SelinuxLabel>();
  for (const [, key = '', value = ''] of text.matchAll(/^\s*(\w+)\s*=\s*"?([^"\s]+)"?\s*$/gm)) {
    const label = parseLabel(value);
    if (label !== undefined) labels.set(key, label);
  }
  const process = labels.get('process');
  const file = labels.get('file');
  if (process === undefined || file === undefined) return undefined;
  return { process, file, sharedFile: labels.get('ro_file') ?? file };
}
