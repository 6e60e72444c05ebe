/** What SELinux knows of a process or a file. */
export interface SelinuxLabel {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  /** Sensitivity and categories, `s0:c1,c2`; absent in a policy without them. */
  readonly level?: string;
}

/** `user:role:type:level`; undefined for what is no label. */
export function parseLabel(text: string): SelinuxLabel | undefined {
  const [user, role, type, ...rest] = text.split(':');
  if (!user || !role || !type) return undefined;
  return { user, role, type, ...(rest.length === 0 ? {} : { level: rest.join(':') }) };
}

export function formatLabel({ user, role, type, level }: SelinuxLabel): string {
  return [user, role, type, ...(level === undefined ? [] : [level])].join(':');
}
