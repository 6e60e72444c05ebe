import { invalidField } from '../../engine/index.ts';
import type { SelinuxOptions } from '../../engine/index.ts';
import type { SELinuxOption } from '../generated/cri.js';
import { quote } from './checks.ts';
import { compact } from './compact.ts';

/** A user, a role or a type: what a colon would part. */
const NAME = /^[A-Za-z0-9_.-]+$/;
/** `s0`, `s0:c1,c2`, `s0-s15:c0.c1023`. */
const LEVEL = /^s\d{1,2}(-s\d{1,2})?(:c\d{1,4}(\.c\d{1,4})?(,c\d{1,4}(\.c\d{1,4})?)*)?$/;

/** Absent where nothing is asked for. Checked on every node, but of use only where SELinux is on. */
export function toSelinux(field: string, message: SELinuxOption | null): { readonly selinux?: SelinuxOptions } {
  if (message === null) return {};
  const options = compact({
    user: toPart(`${field}.user`, message.user, NAME),
    role: toPart(`${field}.role`, message.role, NAME),
    type: toPart(`${field}.type`, message.type, NAME),
    level: toPart(`${field}.level`, message.level, LEVEL),
  });
  return Object.keys(options).length === 0 ? {} : { selinux: options };
}

function toPart(field: string, value: string, valid: RegExp): string | undefined {
  if (value === '') return undefined;
  if (!valid.test(value)) throw invalidField(field, `is no part of an SELinux label: ${quote(value)}`);
  return value;
}
