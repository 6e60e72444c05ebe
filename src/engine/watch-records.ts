import { containerEvents, sandboxEvents } from './events/index.ts';
import type { EventHub, PodSnapshot } from './events/index.ts';
import type { SandboxRecord, Store } from './store/index.ts';

/**
 * Makes events of the store's changes: an event comes once the change is durable and visible, and with the pod as it is
 * at that moment.
 */
export function watchRecords(store: Pick<Store, 'sandboxes' | 'containers'>, hub: EventHub): void {
  const podOf = (sandbox: SandboxRecord): PodSnapshot => podSnapshot(store, sandbox);
  store.sandboxes.watch((before, after) => {
    const sandbox = after ?? before;
    if (sandbox === undefined) return;
    for (const content of sandboxEvents(before, after)) hub.publish(content, podOf(sandbox));
  });
  store.containers.watch((before, after) => {
    const sandbox = store.sandboxes.get((after ?? before)?.sandboxId ?? '');
    for (const content of containerEvents(before, after, sandbox?.spec.metadata)) {
      hub.publish(content, sandbox === undefined ? undefined : podOf(sandbox));
    }
  });
}

/** The sandbox with all its containers that callers may see. */
export function podSnapshot(store: Pick<Store, 'containers'>, sandbox: SandboxRecord): PodSnapshot {
  return { sandbox, containers: store.containers.list().filter(({ sandboxId }) => sandboxId === sandbox.id) };
}
