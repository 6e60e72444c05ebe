import { error, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';

/** No release of davit is older: a clock before it has not been set since the machine was built or its battery died. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** That the clock is set, and kept by somebody. */
export function checkClock(host: Host): readonly Found[] {
  const shown = new Date(host.nowMs).toISOString();
  if (host.nowMs < EARLIEST_MS) {
    return [
      error(`the clock says ${shown}`, {
        why: "certificates of registries and of the API server are not valid yet, and containers' ages are wrong.",
        fix: 'start chrony or systemd-timesyncd, or set it by `date -s`',
      }),
    ];
  }
  if (host.clockIsKept() !== false) return [ok(`the clock is kept: ${shown}`)];
  return [
    warning('nobody keeps the clock', {
      why: 'it drifts: logs of several nodes cannot be put in order, tokens and certificates fail some day.',
      fix: 'start chrony or systemd-timesyncd',
    }),
  ];
}
