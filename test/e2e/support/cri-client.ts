import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import type { Client, ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';
import type { Pod } from './node.ts';
import { BUSYBOX, eventually, nodeEnv } from './node.ts';

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

  async createContainer(pod: Pod, options: { name: string; command: readonly string[] }): Promise<string> {
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

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

type UnaryStub<Reply> = (
  request: object,
  options: { readonly deadline: number },
  callback: (error: ServiceError | null, reply: Reply) => void,
) => void;

export function connectCri(): CriClient {
  const definition = loadSync(PROTO, { longs: String, enums: String, defaults: true });
  const loaded = loadPackageDefinition(definition) as unknown as {
    runtime: { v1: { RuntimeService: new (address: string, creds: unknown, options: object) => Client } };
  };
  const address = nodeEnv()['CONTAINER_RUNTIME_ENDPOINT'] ?? '';
  const options = { 'grpc.default_authority': 'localhost' };
  return new CriClient(new loaded.runtime.v1.RuntimeService(address, credentials.createInsecure(), options));
}
