import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { EngineError } from '../../engine/index.ts';
import type { AskedStreams, AttachRequest, ExecRequest, RemoteProcess, StreamingTargets } from './targets.ts';

/** A process that does what a test says: it reads `input`, writes to `output` and `errors`, and calls end(). */
export class FakeProcess implements RemoteProcess {
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  readonly errors = new PassThrough();
  readonly stdin?: PassThrough;
  readonly stdout?: PassThrough;
  readonly stderr?: PassThrough;
  readonly sizes: string[] = [];
  readonly exit: Promise<{ readonly exitCode: number }>;
  readonly disposed: Promise<void>;
  isDisposed = false;
  readonly #ended = Promise.withResolvers<{ readonly exitCode: number }>();
  readonly #disposal = Promise.withResolvers<void>();

  constructor(asked: AskedStreams) {
    if (asked.stdin) this.stdin = this.input;
    if (asked.stdout) this.stdout = this.output;
    if (asked.stderr) this.stderr = this.errors;
    this.exit = this.#ended.promise;
    this.disposed = this.#disposal.promise;
  }

  resize(width: number, height: number): Promise<void> {
    this.sizes.push(`${width}x${height}`);
    return Promise.resolve();
  }

  /** Ends the output and the process. */
  end(exitCode: number): void {
    this.output.end();
    this.errors.end();
    this.endAlone(exitCode);
  }

  /** Ends the process, while its output is open in another one. */
  endAlone(exitCode: number): void {
    this.#ended.resolve({ exitCode });
  }

  /** Nobody learns how the process ends. */
  fail(error: Error): void {
    this.#ended.reject(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    for (const stream of [this.input, this.output, this.errors]) stream.destroy();
    this.#disposal.resolve();
    return Promise.resolve();
  }
}

/** Starts a FakeProcess for every request, and hands it to whoever waits for one. Ports are this machine's. */
export class FakeTargets implements StreamingTargets {
  readonly requests: (ExecRequest | AttachRequest)[] = [];
  readonly #started: FakeProcess[] = [];
  #wake = Promise.withResolvers<void>();

  async exec(request: ExecRequest, signal: AbortSignal): Promise<RemoteProcess> {
    if (request.cmd[0] === '/missing') throw new EngineError('not-found', 'exec: /missing: no such file');
    if (request.cmd[0] === '/never') await once(signal, 'abort');
    return this.#start(request);
  }

  attach(request: AttachRequest): Promise<RemoteProcess> {
    return Promise.resolve(this.#start(request));
  }

  async connect(_sandboxId: string, port: number, signal: AbortSignal): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true, signal });
    await once(socket, 'connect');
    return socket;
  }

  /** The process that was started first and not been taken yet. */
  async next(): Promise<FakeProcess> {
    for (;;) {
      const process = this.#started.shift();
      if (process !== undefined) return process;
      await this.#wake.promise;
    }
  }

  #start(request: ExecRequest | AttachRequest): FakeProcess {
    const process = new FakeProcess(request);
    this.requests.push(request);
    this.#started.push(process);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
    return process;
  }
}
