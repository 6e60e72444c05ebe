import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { CriClient } from './cri-client.ts';

/** How a command ended, as `v1.Status` says it. */
export interface StreamStatus {
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
}

const PROTOCOL = 'v5.channel.k8s.io';
const STDIN = 0;
const STDOUT = 1;
const ERROR = 3;

/** A client of exec and attach in this process, for what would take too many of crictl's. */
export class StreamClient {
  readonly #socket: WebSocket;
  readonly #received = new Map<number, Buffer[]>();
  readonly #began: Promise<unknown>;
  readonly #closed: Promise<unknown>;

  private constructor(url: string) {
    this.#socket = new WebSocket(url, [PROTOCOL]);
    this.#began = once(this.#socket, 'message');
    this.#closed = once(this.#socket, 'close');
    this.#socket.on('message', (message: Buffer) => {
      const channel = message[0] ?? 0;
      this.#received.set(channel, [...(this.#received.get(channel) ?? []), message.subarray(1)]);
    });
  }

  /** Resolves when the server has begun the session. */
  static async exec(cri: CriClient, containerId: string, cmd: readonly string[]): Promise<StreamClient> {
    const { url } = await cri.call<{ url: string }>('Exec', { containerId, cmd, stdout: true, stderr: true });
    return await StreamClient.#connect(url);
  }

  static async attach(cri: CriClient, containerId: string): Promise<StreamClient> {
    const asked = { containerId, stdin: true, stdout: true, stderr: true };
    const { url } = await cri.call<{ url: string }>('Attach', asked);
    return await StreamClient.#connect(url);
  }

  static async #connect(url: string): Promise<StreamClient> {
    const client = new StreamClient(url);
    await client.#began;
    return client;
  }

  get stdout(): string {
    return this.#text(STDOUT);
  }

  /** Sends input. */
  type(text: string): void {
    this.#socket.send(Buffer.concat([Buffer.of(STDIN), Buffer.from(text)]));
  }

  /** Waits for the end of the session. */
  async ended(): Promise<StreamStatus> {
    await this.#closed;
    return JSON.parse(this.#text(ERROR)) as StreamStatus;
  }

  /** Goes without a word. */
  async vanish(): Promise<void> {
    this.#socket.terminate();
    await this.#closed;
  }

  #text(channel: number): string {
    return Buffer.concat(this.#received.get(channel) ?? []).toString();
  }
}
