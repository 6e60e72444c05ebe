import type { InterfaceUsage } from './stats-types.ts';

/** What pods' primary interface is called by convention, CNI's too. */
const PRIMARY = 'eth0';
const LOOPBACK = 'lo';

/** Interfaces of a text of /proc/PID/net/dev but `lo`, the primary one first. */
export function parseNetDev(text: string): readonly InterfaceUsage[] {
  const interfaces = text.split('\n').flatMap((line) => {
    const colon = line.indexOf(':');
    if (colon === -1) return []; // the two lines of headings
    const name = line.slice(0, colon).trim();
    return name === LOOPBACK
      ? []
      : [
          usage(
            name,
            line
              .slice(colon + 1)
              .trim()
              .split(/\s+/)
              .map(Number),
          ),
        ];
  });
  return interfaces.sort((a, b) => Number(b.name === PRIMARY) - Number(a.name === PRIMARY));
}

/** Eight numbers of what was received, then eight of what was sent. */
function usage(name: string, numbers: readonly number[]): InterfaceUsage {
  const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = numbers;
  const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = numbers.slice(8);
  return { name, rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped };
}
