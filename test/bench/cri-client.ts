import { Client, Metadata, credentials } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { MethodDefinition, PackageDefinition, ServiceDefinition } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';

/** A reply, and how long it took from the request's bytes going out to the reply's bytes being here. */
export interface Timed<Reply> {
  readonly ms: number;
  readonly reply: Reply;
}

const PROTO = fileURLToPath(new URL('../../proto/cri/api.proto', import.meta.url));
const SERVICES = ['runtime.v1.RuntimeService', 'runtime.v1.ImageService'];
const DEADLINE_MS = 120_000;
/** What the kubelet receives at most. */
const RECEIVE_MAX_BYTES = 16 * 1024 * 1024;

/**
 * A CRI server's client. Requests are plain objects in the proto's shape. Encoding and decoding lie outside the time that
 * is taken, so that they weigh on neither side.
 */
export class CriClient implements Disposable {
  readonly #client: Client;
  readonly #methods: ReadonlyMap<string, Method>;

  constructor(socket: string) {
    this.#client = new Client(`unix://${socket}`, credentials.createInsecure(), {
      'grpc.default_authority': 'localhost',
      'grpc.max_receive_message_length': RECEIVE_MAX_BYTES,
    });
    this.#methods = loadMethods();
  }

  /** Rejects with grpc-js's ServiceError. */
  async timed<Reply>(name: string, request: object): Promise<Timed<Reply>> {
    const method = this.#methods.get(name);
    if (method === undefined) throw new Error(`the CRI has no method ${name}`);
    const bytes = method.requestSerialize(request);
    const options = { deadline: Date.now() + DEADLINE_MS };
    const started = performance.now();
    const { reply, ended } = await new Promise<{ reply: Buffer; ended: number }>((resolve, reject) => {
      this.#client.makeUnaryRequest(method.path, same, same, bytes, new Metadata(), options, (error, reply) => {
        const ended = performance.now();
        if (error !== null) reject(told(name, error));
        else resolve({ reply: reply ?? Buffer.alloc(0), ended });
      });
    });
    return { ms: ended - started, reply: method.responseDeserialize(reply) as Reply };
  }

  async call<Reply>(name: string, request: object): Promise<Reply> {
    return (await this.timed<Reply>(name, request)).reply;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

type Method = MethodDefinition<object, object>;

function loadMethods(): ReadonlyMap<string, Method> {
  const loaded: PackageDefinition = loadSync(PROTO, { longs: String, enums: String, defaults: true });
  const services = SERVICES.map((name) => loaded[name] as ServiceDefinition);
  return new Map(services.flatMap((service) => Object.entries(service)));
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

function told(method: string, error: ServiceError): ServiceError {
  error.message = `${method}: ${error.message}`;
  return error;
}
