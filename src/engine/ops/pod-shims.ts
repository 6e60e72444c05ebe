import type { ShimProcess } from '../runtime/shim-processes.ts';
import type { OpsDeps } from './deps.ts';

/** The shims of a pod that live, by their marks: also of one whose record is gone. */
export async function podShims(
  { shims, marks }: Pick<OpsDeps, 'shims' | 'marks'>,
  sandboxId: string,
): Promise<readonly ShimProcess[]> {
  return (await shims.list()).filter((shim) => marks.get(shim.id)?.sandboxId === sandboxId);
}
