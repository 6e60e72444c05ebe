import type { Mount } from '../layer/index.ts';
import { GROUP_PATH, neededFiles, PASSWD_PATH, planUser, resolveUser } from '../security/index.ts';
import type { ContainerRecord } from '../store/index.ts';
import type { ContainerUser, Image } from '../types/index.ts';
import type { OpsDeps } from './deps.ts';

/**
 * Who the container's first process is. The image's own files are read only where the answer is in them, but its root is
 * looked at in any case.
 */
export async function lookUpUser(
  deps: Pick<OpsDeps, 'imageFiles'>,
  record: ContainerRecord,
  image: Image,
  mounts: readonly Mount[],
  signal: AbortSignal,
): Promise<ContainerUser> {
  const plan = planUser(record.spec.security, image.config.user);
  const root = { chainId: image.chainId, snapshotter: record.snapshotter, mounts };
  const files = await deps.imageFiles.read(root, neededFiles(plan), signal);
  const passwd = files.get(PASSWD_PATH);
  const group = files.get(GROUP_PATH);
  return resolveUser(plan, { ...(passwd === undefined ? {} : { passwd }), ...(group === undefined ? {} : { group }) });
}
