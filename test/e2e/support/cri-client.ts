import { credentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import type { Client, ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';
import type { Pod } from './node.ts';
import { BUSYBOX, eventually, nodeEnv } from './node.ts';

/** What the kubelet and crictl receive at most. */
export const REPLY_MAX_BYTES = 16 * 1024 * 1024;

const PROTO = fileURLToPath(new URL('../../../proto/cri/api.proto', import.meta.url));

interface Status {
  readonly state: string;
  readonly exitCode: number;
  readonly reason: string;
}

/** The CRI by gRPC, for what would take crictl too many processes. Requests are plain objects in the proto's shape. */
export class CriClient implements Disposable {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async call<Reply>(method: string, request: object, options: { readonly deadlineMs?: number } = {}): Promise<Reply> {
    const stub = this.#client as unknown as Record<string, UnaryStub<Reply>>;
    const deadline = Date.now() + (options.deadlineMs ?? 60_000);
    return await new Promise((resolve, reject) => {
      stub[method]?.call(this.#client, request, { deadline }, (error, reply) =>
        error ? reject(error) : resolve(reply),
      );
    });
  }

  /** Makes a pod that no `Pod` removes. `config` is in the proto's shape. */
  async runPod(name: string, config: object = {}, options: { readonly deadlineMs?: number } = {}): Promise<string> {
    const whole = { metadata: { name, uid: `uid-${name}-${Date.now()}`, namespace: 'default' }, linux: {}, ...config };
    return (await this.call<{ podSandboxId: string }>('RunPodSandbox', { config: whole }, options)).podSandboxId;
  }

  async createContainer(pod: Pick<Pod, 'id'>, options: { name: string; command: readonly string[] }): Promise<string> {
    const { containerId } = await this.call<{ containerId: string }>('CreateContainer', {
      podSandboxId: pod.id,
      config: {
        metadata: { name: options.name },
        image: { image: BUSYBOX },
        command: options.command,
        logPath: `${options.name}.log`,
      },
      sandboxConfig: {},
    });
    return containerId;
  }

  async startContainer(containerId: string): Promise<void> {
    await this.call('StartContainer', { containerId });
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.call('RemoveContainer', { containerId });
  }

  async exited(containerId: string): Promise<Status> {
    return await eventually(`exit of ${containerId}`, async () => {
      const { status } = await this.call<{ status: Status }>('ContainerStatus', { containerId });
      return status.state === 'CONTAINER_EXITED' ? status : undefined;
    });
  }

  /** A stream of replies; whoever opens it ends it. */
  stream(method: string, request: object): ClientReadableStream<unknown> {
    const stub = this.#client as unknown as Record<string, StreamStub>;
    const stream = stub[method]?.call(this.#client, request);
    if (stream === undefined) throw new Error(`no method ${method}`);
    return stream;
  }

  /** All replies of a stream that ends. */
  async collect<Reply>(method: string, request: object): Promise<readonly Reply[]> {
    const replies: Reply[] = [];
    for await (const reply of this.stream(method, request)) replies.push(reply as Reply);
    return replies;
  }

  /** The gRPC code that ends a call with a stream of replies, by its name. */
  async streamEnd(method: string, request: object): Promise<string> {
    const stream = this.stream(method, request);
    return await new Promise((resolve) => {
      stream.on('data', () => undefined);
      stream.on('end', () => resolve('OK'));
      stream.on('error', (error: ServiceError) => resolve(status[error.code]));
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

type UnaryStub<Reply> = (
  request: object,
  options: { readonly deadline: number },
  callback: (error: ServiceError | null, reply: Reply) => void,
) => void;

type StreamStub = (request: object) => ClientReadableStream<unknown>;

type Service = 'RuntimeService' | 'ImageService';

export interface ConnectOptions {
  readonly service?: Service;
  /** Another davitd than the node's. */
  readonly address?: string;
}

/** Receives as much as the kubelet and crictl do, and dials as the kubelet does. */
export function connectCri(options: ConnectOptions = {}): CriClient {
  const definition = loadSync(PROTO, { longs: String, enums: String, defaults: true });
  const loaded = loadPackageDefinition(definition) as unknown as {
    runtime: { v1: Record<Service, new (address: string, creds: unknown, options: object) => Client> };
  };
  const address = options.address ?? nodeEnv()['CONTAINER_RUNTIME_ENDPOINT'] ?? '';
  const channel = { 'grpc.default_authority': 'localhost', 'grpc.max_receive_message_length': REPLY_MAX_BYTES };
  const service = loaded.runtime.v1[options.service ?? 'RuntimeService'];
  return new CriClient(new service(address, credentials.createInsecure(), channel));
}
