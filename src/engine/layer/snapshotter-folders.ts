import { dirname, join } from 'node:path';
import type { Clients } from '../containerd/clients.ts';

const SNAPSHOTTER_TYPE = 'io.containerd.snapshotter.v1';
const CONTENT_TYPE = 'io.containerd.content.v1';

/** Where each snapshotter keeps its data. One that does not say has the place that all plugins have by convention. */
export async function snapshotterFolders(
  clients: Pick<Clients, 'introspection'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const { plugins } = await clients.introspection.plugins({}, { signal });
  const content = plugins.find(({ type }) => type === CONTENT_TYPE)?.exports['root'];
  const found = new Map<string, string>();
  for (const { type, id, exports, initErr } of plugins) {
    if (type !== SNAPSHOTTER_TYPE || initErr !== null) continue;
    const usual = content === undefined ? undefined : join(dirname(content), `${SNAPSHOTTER_TYPE}.${id}`);
    const folder = exports['root'] ?? usual;
    if (folder !== undefined) found.set(id, folder);
  }
  return found;
}
