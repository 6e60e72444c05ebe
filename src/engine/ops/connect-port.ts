import type { Duplex } from 'node:stream';
import { EngineError } from '../errors.ts';
import type { OpsDeps } from './deps.ts';

/** A connection to what serves the port on localhost of a ready pod, which is the node's where the pod has no network of its own. */
export async function connectPort(
  deps: Pick<OpsDeps, 'store' | 'stopping' | 'podPorts'>,
  sandboxId: string,
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const { id, state, spec, namespaces } = deps.store.sandboxes.need(sandboxId);
  if (state.phase !== 'ready' || deps.stopping.has(id)) {
    const now = deps.stopping.has(id) ? 'stopping' : state.phase;
    throw new EngineError('failed-precondition', `sandbox ${id} is ${now}; ports are forwarded to a ready one`);
  }
  const netns = namespaces.network;
  if (netns === undefined && spec.namespaces.network === 'pod') {
    throw new EngineError('failed-precondition', `sandbox ${id} has lost its network namespace; make it anew`);
  }
  return await deps.podPorts.connect({ port, ...(netns === undefined ? {} : { netns }) }, signal);
}
