import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One call of a scripted plugin, as it saw it. */
export interface SeenCall {
  readonly type: string;
  readonly verb: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
}

const MARK = '--call--';

/**
 * Writes a plugin that notes each call in `<dir>/calls` and then runs `body` (shell), in which $CNI_COMMAND is the verb
 * and $config what it was given.
 */
export async function writePlugin(dir: string, type: string, body: string): Promise<void> {
  const script = `#!/bin/sh
config=$(cat)
{ echo '${MARK}${type}'; env | grep ^CNI_; echo "config=$config"; } >> ${dir}/calls
${body}
`;
  await writeFile(join(dir, type), script, { mode: 0o755 });
}

/** What the plugins in `dir` were asked, in order. */
export async function seenCalls(dir: string): Promise<readonly SeenCall[]> {
  const text = await readFile(join(dir, 'calls'), 'utf8').catch(() => '');
  return text
    .split(MARK)
    .slice(1)
    .map((part) => {
      const [type = '', ...lines] = part.trimEnd().split('\n');
      const pairs = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const);
      const { config = '{}', ...env } = Object.fromEntries(pairs);
      return { type, verb: env['CNI_COMMAND'] ?? '', env, config: JSON.parse(config) as SeenCall['config'] };
    });
}

/** Prints a result with one address on ADD. */
export function addsAddress(address: string): string {
  return `[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"1.0.0","ips":[{"address":"${address}"}]}'; exit 0`;
}

/** Reports an error for the verbs that match the pattern of a shell's case. */
export function refuses(verbs: string): string {
  return `case $CNI_COMMAND in ${verbs}) echo '{"code":100,"msg":"not today"}'; exit 1;; esac; echo "$config" | sed 's/.*"prevResult"://; s/}$//'`;
}
