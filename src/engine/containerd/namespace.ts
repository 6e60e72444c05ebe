import { isKind } from '../errors.ts';
import type { CallOptions } from './call.ts';
import type { Clients } from './clients.ts';

/** Makes containerd's namespace `name` if there is none. */
export async function ensureNamespace(clients: Clients, name: string, options: CallOptions): Promise<void> {
  try {
    await clients.namespaces.create({ namespace: { name } }, options);
  } catch (error) {
    if (!isKind(error, 'already-exists')) throw error;
  }
}
