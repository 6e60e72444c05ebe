import type { PodResources } from '../types/index.ts';
import type { OpsDeps } from './deps.ts';

/**
 * Keeps what a pod takes now. The pod's own cgroup is whoever's that named it, and shims of runc need to know nothing of
 * it: a durable record is all there is to do, so that nothing but an unknown pod is refused.
 */
export async function updateSandbox(deps: Pick<OpsDeps, 'store'>, id: string, update: PodResources): Promise<void> {
  const record = deps.store.sandboxes.need(id);
  if (Object.keys(update).length === 0) return;
  await deps.store.sandboxes.update(record.id, (current) => {
    const { overhead, resources } = current.podResources ?? current.spec;
    return {
      ...current,
      podResources: {
        ...(overhead === undefined ? {} : { overhead }),
        ...(resources === undefined ? {} : { resources }),
        ...update,
      },
    };
  });
}
