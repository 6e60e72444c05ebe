import { libc } from '../sys/libc.ts';

/** Larger than the kernel's struct timex on every architecture; all zeros asks and changes nothing. */
const TIMEX_BYTES = 256;
/** adjtimex(2): nobody keeps the clock, or it is known to be wrong. */
const TIME_ERROR = 5;

/** Whether something (chrony, systemd-timesyncd, a hypervisor's guest agent) keeps the clock; undefined: not to be known. */
export function clockIsKept(): boolean | undefined {
  const adjtimex = libc.func('int adjtimex(void *)');
  const state: unknown = adjtimex(Buffer.alloc(TIMEX_BYTES));
  return typeof state !== 'number' || state < 0 ? undefined : state !== TIME_ERROR;
}
