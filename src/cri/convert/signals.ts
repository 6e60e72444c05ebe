import { invalidField } from '../../engine/index.ts';
import { Signal } from '../generated/cri.js';

/** The signal's name as the kernel's headers write it, e.g. SIGTERM or SIGRTMIN+3; undefined: the image's own. */
export function toStopSignal(field: string, signal: Signal): string | undefined {
  if (signal === Signal.SIGNAL_RUNTIME_DEFAULT) return undefined;
  const name: string | undefined = Signal[signal];
  if (name === undefined) throw invalidField(field, `there is no signal ${signal}`);
  return name
    .replace(/^SIGNAL_/, '')
    .replace('PLUS', '+')
    .replace('MINUS', '-');
}

/** The reverse; a signal that CRI has no name for is RUNTIME_DEFAULT, "not known". */
export function fromStopSignal(name: string): Signal {
  const key = `SIGNAL_${name.replace('+', 'PLUS').replace('-', 'MINUS')}`;
  return Object.hasOwn(Signal, key) ? Signal[key as keyof typeof Signal] : Signal.SIGNAL_RUNTIME_DEFAULT;
}
