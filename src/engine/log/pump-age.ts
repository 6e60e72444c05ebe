import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Hello } from '../../sys/pump-protocol.ts';

/** davitd's own pump program. */
export interface PumpProgram {
  readonly version: string;
  readonly build: string;
}

/** What `entry` is now: it may have been replaced since davitd started. */
export async function pumpProgram(entry: string, version: string): Promise<PumpProgram> {
  return {
    version,
    build: createHash('sha256')
      .update(await readFile(entry))
      .digest('hex'),
  };
}

/**
 * Whether the running pump is to make way for davitd's own: one of another version or build is, but not a newer one, as a
 * davitd finds that was put back to a former version: what the newer pump has saved the older may not understand.
 */
export function isOutdated(running: Pick<Hello, 'version' | 'build'>, own: PumpProgram): boolean {
  if (running.build === own.build) return false;
  return compareVersions(running.version, own.version) <= 0;
}

/** Negative when `a` is older. Only the three numbers count; what has none is older than all that have. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (const [i, number] of left.entries()) {
    const difference = number - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): readonly number[] {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
  return match === null ? [-1, -1, -1] : match.slice(1, 4).map(Number);
}
