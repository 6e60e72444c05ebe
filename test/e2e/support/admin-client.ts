import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import type { Client, ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const proto = (path: string): string => fileURLToPath(new URL(`../../../proto/${path}`, import.meta.url));

/** The services of an admin socket, from the protos as they are. Requests are plain objects in the protos' shape. */
export class AdminClient implements Disposable {
  readonly #clients: Readonly<Record<Service, Client>>;

  constructor(address: string) {
    const options = { longs: String, enums: String, defaults: true, oneofs: true };
    const admin = loadPackageDefinition(loadSync(proto('admin/admin.proto'), options)) as unknown as Loaded;
    const health = loadPackageDefinition(loadSync(proto('health/health.proto'), options)) as unknown as Loaded;
    const make = (service: ServiceClass | undefined): Client => {
      if (service === undefined) throw new Error('the protos lack a service');
      return new service(address, credentials.createInsecure(), { 'grpc.default_authority': 'localhost' });
    };
    this.#clients = { Admin: make(admin.davit?.admin.v1.Admin), Health: make(health.grpc?.health.v1.Health) };
  }

  call<Reply>(service: Service, method: string, request: object): Promise<Reply> {
    const client = this.#clients[service];
    const stub = (client as unknown as Record<string, Unary<Reply>>)[method];
    return new Promise((resolve, reject) => {
      stub?.call(client, request, (error, reply) => (error === null ? resolve(reply) : reject(error)));
    });
  }

  async collect<Reply>(method: string, request: object): Promise<readonly Reply[]> {
    const client = this.#clients.Admin;
    const stub = (client as unknown as Record<string, Streaming>)[method];
    const replies: Reply[] = [];
    for await (const reply of stub?.call(client, request) ?? []) replies.push(reply as Reply);
    return replies;
  }

  [Symbol.dispose](): void {
    for (const client of Object.values(this.#clients)) client.close();
  }
}

type Service = 'Admin' | 'Health';
type ServiceClass = new (address: string, creds: unknown, options: object) => Client;
interface Loaded {
  readonly davit?: { readonly admin: { readonly v1: { readonly Admin: ServiceClass } } };
  readonly grpc?: { readonly health: { readonly v1: { readonly Health: ServiceClass } } };
}
type Unary<Reply> = (request: object, callback: (error: ServiceError | null, reply: Reply) => void) => void;
type Streaming = (request: object) => ClientReadableStream<unknown>;
