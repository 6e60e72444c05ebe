import { readFile } from 'node:fs/promises';
import type { Nanos } from '../types/index.ts';

/** One start of the node's kernel. */
export interface Boot {
  /** The kernel's own, another at each start; '' where the kernel does not tell (a sandboxed one). */
  readonly id: string;
  readonly startedAt: Nanos;
}

const NANOS_PER_SECOND = 1_000_000_000n;

/** The boot that we run in. */
export async function readBoot(proc = '/proc'): Promise<Boot> {
  const [id, stat] = await Promise.all([
    readFile(`${proc}/sys/kernel/random/boot_id`, 'utf8').catch(() => ''),
    readFile(`${proc}/stat`, 'utf8'),
  ]);
  return { id: id.trim(), startedAt: BigInt(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * NANOS_PER_SECOND };
}
