/** Gives the OCI spec that a container was made with. */
export interface SpecSource {
  spec(containerId: string, signal: AbortSignal): Promise<unknown>;
}

/** Containers whose processes are kept: probes come again and again. Each takes a few kilobytes. */
const KEPT_CONTAINERS = 256;

/**
 * The process of containers' specs, which never changes, and nothing else of them. Those that were asked for last are kept.
 */
export class SpecCache implements SpecSource {
  readonly #source: SpecSource;
  /** The one that was used last comes last. */
  readonly #kept = new Map<string, unknown>();

  constructor(source: SpecSource) {
    this.#source = source;
  }

  async spec(containerId: string, signal: AbortSignal): Promise<unknown> {
    const known = this.#kept.get(containerId);
    const spec = known ?? processOf(await this.#source.spec(containerId, signal));
    this.#kept.delete(containerId);
    this.#kept.set(containerId, spec);
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_CONTAINERS) break;
      this.#kept.delete(id);
    }
    return spec;
  }
}

function processOf(spec: unknown): object {
  return typeof spec === 'object' && spec !== null && 'process' in spec ? { process: spec.process } : {};
}
