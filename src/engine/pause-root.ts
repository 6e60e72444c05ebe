import { chmod, copyFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

const EXECUTABLE = 0o555;
const PASSABLE = 0o755;

/**
 * Makes the folder that is the root of every pause process: the static program as `pause`, and the empty folders that the
 * OCI runtime mounts onto. The program is replaced by rename: a running one keeps the file it was started from.
 */
export async function preparePauseRoot(dir: string, program: string): Promise<string> {
  for (const name of ['proc', 'dev', 'sys']) await mkdir(join(dir, name), { recursive: true, mode: PASSABLE });
  const fresh = join(dir, '.pause.new');
  await copyFile(program, fresh);
  await chmod(fresh, EXECUTABLE);
  await rename(fresh, join(dir, 'pause'));
  return dir;
}
