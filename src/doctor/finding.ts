/** `note`: worth knowing, nothing to do. `warning`: something works less well. `error`: pods will not run, or not safely. */
export type Level = 'ok' | 'note' | 'warning' | 'error';

/** What one look at the host has found. What is not ok says why it matters and what to do. */
export interface Finding {
  /** The check's name, e.g. `kernel`. */
  readonly check: string;
  readonly level: Level;
  readonly found: string;
  readonly why?: string;
  readonly fix?: string;
}

/** A check's findings before they have its name. */
export type Found = Omit<Finding, 'check'>;

interface Advice {
  readonly why: string;
  readonly fix: string;
}

export function ok(found: string): Found {
  return { level: 'ok', found };
}

export function note(found: string, advice: Partial<Advice> = {}): Found {
  return { level: 'note', found, ...advice };
}

export function warning(found: string, advice: Advice): Found {
  return { level: 'warning', found, ...advice };
}

export function error(found: string, advice: Advice): Found {
  return { level: 'error', found, ...advice };
}
