import type { Writable } from 'node:stream';

/**
 * Writes parts in one go, without a copy. `done` is called when their memory is not needed any more; never, when the
 * transport takes nothing any more.
 */
export function writeParts(transport: Writable, parts: readonly Buffer[], done?: () => void): void {
  if (!transport.writable) return;
  const last = parts.length - 1;
  transport.cork();
  for (const [at, part] of parts.entries()) {
    if (at < last || done === undefined) transport.write(part);
    else transport.write(part, (error) => void (error ?? done()));
  }
  transport.uncork();
}
