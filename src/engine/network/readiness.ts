import type { ConfProblem, ConfSelection } from './cni-conf.ts';

/** The NetworkReady condition. */
export interface NetworkStatus {
  readonly ready: boolean;
  /** CamelCase, '' when ready. */
  readonly reason:
    '' | 'CNINotLoaded' | 'CNIConfigMissing' | 'CNIConfigInvalid' | 'CNIPluginMissing' | 'CNIPluginNotReady';
  readonly message: string;
}

export interface ReadinessFacts {
  readonly selection: ConfSelection;
  readonly dirs: readonly string[];
  readonly builtin: boolean;
  /** What is wrong with the plugins of the network that counts. */
  readonly missing?: string;
  readonly notReady?: string;
}

export const NOT_LOADED: NetworkStatus = {
  ready: false,
  reason: 'CNINotLoaded',
  message: 'the CNI configuration has not been read yet',
};

/** What Status says of the network. Problems of single files are shown whether they matter or not. */
export function readinessOf({ selection, dirs, builtin, missing, notReady }: ReadinessFacts): NetworkStatus {
  const { network, problems } = selection;
  const told = problems.length === 0 ? '' : `; ${listProblems(problems)}`;
  if (network === undefined && !builtin) return notConfigured(dirs, problems);
  if (missing !== undefined) return { ready: false, reason: 'CNIPluginMissing', message: missing + told };
  if (notReady !== undefined) return { ready: false, reason: 'CNIPluginNotReady', message: notReady + told };
  const what = network === undefined ? 'the built-in network' : `network "${network.name}" of ${network.source}`;
  return { ready: true, reason: '', message: what + told };
}

/** What is missing where there is no valid configuration. */
export function notConfigured(dirs: readonly string[], problems: readonly ConfProblem[]): NetworkStatus {
  const where = dirs.join(', ');
  if (problems.length > 0) {
    const message = `no valid CNI configuration in ${where}: ${listProblems(problems)}`;
    return { ready: false, reason: 'CNIConfigInvalid', message };
  }
  const message = `no CNI configuration in ${where}: install a network plugin, or set builtin_network`;
  return { ready: false, reason: 'CNIConfigMissing', message };
}

function listProblems(problems: readonly ConfProblem[]): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
}
