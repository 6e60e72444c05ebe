import { readFile } from 'node:fs/promises';

/** A process that the kernel may hold: `7 (dd, state D, in balance_dirty_pages)`. */
export async function describeProcess(pid: number): Promise<string> {
  const stat = await readText(`/proc/${pid}/stat`);
  // `pid (name) state …`, where the name may hold anything, parentheses too.
  const end = stat.lastIndexOf(')');
  if (end === -1) return `${pid} (gone)`;
  const name = stat.slice(stat.indexOf('(') + 1, end);
  const where = (await readText(`/proc/${pid}/wchan`)).trim();
  const inKernel = where === '' || where === '0' ? '' : `, in ${where}`;
  return `${pid} (${name}, state ${stat.slice(end + 2, end + 3)}${inKernel})`;
}

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => ''); // it may end while we look
}
