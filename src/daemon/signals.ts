export interface SignalActions {
  /** SIGTERM or SIGINT, for the first time. */
  stop(signal: NodeJS.Signals): void;
  /** The same once more: whoever asks twice does not want to wait. */
  hurry(signal: NodeJS.Signals): void;
  /** SIGHUP. */
  reload(): void;
  /** SIGUSR2. */
  dump(): void;
  /** SIGUSR1, which does nothing. */
  ignored(signal: NodeJS.Signals): void;
}

/**
 * Takes the process's signals for as long as it lives. The listener on SIGUSR1 is not idle: without one Node would open
 * its inspector, a root shell on a local port for every pod on the node's network.
 */
export function handleSignals(actions: SignalActions): void {
  let stopping = false;
  const onStop = (signal: NodeJS.Signals): void => {
    if (stopping) return actions.hurry(signal);
    stopping = true;
    actions.stop(signal);
  };
  process.on('SIGTERM', onStop);
  process.on('SIGINT', onStop);
  process.on('SIGHUP', () => actions.reload());
  process.on('SIGUSR2', () => actions.dump());
  process.on('SIGUSR1', (signal) => actions.ignored(signal));
}

const FLAG = '--disable-sigusr1';

/** True when Node itself was told to leave SIGUSR1 alone, so that not even its first moments have the inspector. */
export function sigusr1IsDisabled(): boolean {
  return process.execArgv.includes(FLAG) || (process.env['NODE_OPTIONS'] ?? '').split(/\s+/).includes(FLAG);
}
