import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import type { CallOptions, ClientReadableStream, ServiceError, status } from '@grpc/grpc-js';
import type { Engine } from '../engine/index.ts';
import { FAKE_URLS, fakeEngine } from './fake-engine.ts';
import type { $Method } from './generated/cri.js';
import { createCriServer } from './server.ts';
import type { RpcServer } from '../rpc/index.ts';

/** A line of the log. */
export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A server on a socket of its own in `directory`, a client, and what was logged and counted. For tests. */
export class Harness implements AsyncDisposable {
  readonly server: RpcServer;
  readonly socketPath: string;
  readonly lines: Line[] = [];
  readonly counted: string[] = [];
  readonly client: Client;

  readonly #directory: string;

  constructor(directory: string, engine: Engine, drainMs = 5_000) {
    this.#directory = directory;
    this.socketPath = join(directory, 'davit.sock');
    const log = (level: string) => (fields: object, message: string) =>
      void this.lines.push({ level, message, fields: { ...fields } });
    this.server = createCriServer(
      { socketPath: this.socketPath, version: '1.2.3', drainMs },
      {
        engine,
        streaming: FAKE_URLS,
        log: {
          isLevelEnabled: () => true,
          debug: log('debug'),
          info: log('info'),
          warn: log('warn'),
          error: log('error'),
        },
        around: (_call, run) => run(),
        metrics: {
          callStarted: (_service, method) => void this.counted.push(`${method} started`),
          callEnded: ({ method, code }) => void this.counted.push(`${method} ${code}`),
        },
      },
    );
    this.client = new Client(`unix:${this.socketPath}`, credentials.createInsecure());
  }

  call<IReq, Req, IRes, Res>(
    method: $Method<IReq, Req, IRes, Res, false, false>,
    request: IReq,
    options: CallOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<Res> {
    const { promise, resolve, reject } = Promise.withResolvers<Res>();
    const { path, requestSerialize, responseDeserialize } = method;
    const call = this.client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      options,
      (error, value) => {
        if (error === null && value !== undefined) resolve(value);
        else reject(error ?? new Error('no value'));
      },
    );
    options.signal?.addEventListener('abort', () => call.cancel());
    return promise;
  }

  /** All messages of a stream that ends; throws how it failed. */
  async collect<IReq, Req, IRes, Res>(
    method: $Method<IReq, Req, IRes, Res, false, true>,
    request: IReq,
  ): Promise<readonly Res[]> {
    const messages: Res[] = [];
    for await (const message of this.stream(method, request)) messages.push(message as Res);
    return messages;
  }

  stream<IReq, Req, IRes, Res>(
    method: $Method<IReq, Req, IRes, Res, false, true>,
    request: IReq,
  ): ClientReadableStream<Res> {
    const { path, requestSerialize, responseDeserialize } = method;
    return this.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.server.close(AbortSignal.abort());
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A harness that listens, on an engine with these verbs. */
export async function serve(verbs: Partial<Engine> = {}, drainMs?: number): Promise<Harness> {
  const harness = new Harness(await mkdtemp(join(tmpdir(), 'dvc')), fakeEngine(verbs), drainMs);
  await harness.server.listen();
  return harness;
}

/** How a call failed; throws when it did not. */
export async function failure(call: Promise<unknown>): Promise<{ readonly code: status; readonly details: string }> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason as ServiceError,
  );
  if (error === undefined) throw new Error('the call succeeded');
  return { code: error.code, details: error.details };
}

/** Resolves with the signal of the call that came in, and never answers it until the signal aborts. */
export function hanging() {
  const { promise: entered, resolve } = Promise.withResolvers<AbortSignal>();
  const verb = (_id: string, signal: AbortSignal): Promise<void> => {
    resolve(signal);
    const { promise, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    return promise;
  };
  return { entered, verb };
}

/** The reason of the abort, once it has come. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  return signal.aborted ? Promise.resolve(signal.reason) : promise;
}
