import type { ShimAddress } from '../../types/index.ts';
import { translateError } from '../errors.ts';
import type { $Method } from '../generated/containerd.js';
import { TtrpcConnection } from './ttrpc-connection.ts';

const NAMESPACE_KEY = 'containerd-namespace-ttrpc';

/** A method of a shim's service; the messages of both versions of the service are the same. */
export type ShimMethod<I, O> = $Method<I, unknown, never, O, false, false>;

/** Calls to shims, each over a connection that is there while calls are under way. Errors are EngineErrors, or ShimGone. */
export class ShimCalls {
  readonly #namespace: string;
  /** Those with calls under way, by path. */
  readonly #connections = new Map<string, TtrpcConnection>();

  /** `namespace` is containerd's. */
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  async call<I extends { readonly id?: string | null | undefined }, O>(
    { path }: ShimAddress,
    method: ShimMethod<I, O>,
    request: I,
    signal: AbortSignal,
  ): Promise<O> {
    const [service = '', name = ''] = method.path.split('/').slice(1);
    const response = await this.#connection(path).call(
      {
        service,
        method: name,
        payload: method.requestSerialize(request),
        metadata: { [NAMESPACE_KEY]: this.#namespace },
      },
      signal,
    );
    if (response.status === undefined) return method.responseDeserialize(Buffer.from(response.payload));
    const { code, message } = response.status;
    const error = Object.assign(new Error(message), { code, details: message });
    throw translateError(error, { address: path, call: `shim Task.${name}`, object: request.id ?? '' }, signal);
  }

  #connection(path: string): TtrpcConnection {
    const open = this.#connections.get(path);
    if (open !== undefined) return open;
    const made: TtrpcConnection = new TtrpcConnection(path, () => {
      if (this.#connections.get(path) === made) this.#connections.delete(path);
    });
    this.#connections.set(path, made);
    return made;
  }
}
