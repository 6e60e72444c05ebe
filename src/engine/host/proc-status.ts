import { capabilitiesOfMask } from '../security/capabilities.ts';

/** What a process may hand on to its children, as /proc/PID/status tells it. */
export interface ProcStatus {
  readonly boundingCapabilities: readonly string[];
  readonly effectiveCapabilities: readonly string[];
  /** The kernel was built with seccomp filters. */
  readonly seccomp: boolean;
}

/** Parses /proc/PID/status. A capability line that is missing or damaged means none. */
export function parseProcStatus(text: string): ProcStatus {
  const fields = new Map(
    text.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  const mask = (name: string): readonly string[] => {
    const hex = fields.get(name) ?? '';
    return /^[0-9a-f]+$/i.test(hex) ? capabilitiesOfMask(hex) : [];
  };
  return {
    boundingCapabilities: mask('CapBnd'),
    effectiveCapabilities: mask('CapEff'),
    seccomp: fields.has('Seccomp'),
  };
}
