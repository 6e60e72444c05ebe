import type { StringMap } from '../../types/index.ts';
import type { OciRlimit } from './oci.ts';

/** No limit, as the kernel writes it. */
const UNLIMITED = 2n ** 64n - 1n;

/** Limits of processes by their names in lower case, `soft:hard` or one for both, as the runtime takes them. */
export function ociRlimits(ulimits: StringMap): readonly OciRlimit[] {
  return Object.entries(ulimits).map(([name, value]) => {
    const [soft = '', hard = soft] = value.split(':');
    return { type: `RLIMIT_${name.toUpperCase()}`, soft: toLimit(soft), hard: toLimit(hard) };
  });
}

function toLimit(text: string): number | bigint {
  return text === 'unlimited' ? UNLIMITED : Number(text);
}
