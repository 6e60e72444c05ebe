import { PassThrough } from 'node:stream';
import type { ExecExit, ExecOutput, ExecRequest, ExecService, ExecSession, ExecTarget } from './exec-types.ts';

/** A session of the fake: the test writes its outputs and ends it. */
export class FakeExecSession implements ExecSession {
  readonly target: ExecTarget;
  readonly request: ExecRequest;
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly #exit = Promise.withResolvers<ExecExit>();
  readonly #drained = Promise.withResolvers<void>();
  killed = false;
  disposed = false;

  constructor(target: ExecTarget, request: ExecRequest) {
    this.target = target;
    this.request = request;
  }

  get exit(): Promise<ExecExit> {
    return this.#exit.promise;
  }

  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  write(name: 'stdout' | 'stderr', text: string): void {
    const output: ExecOutput = this.request[name];
    if (output === 'stream') this[name].write(text);
    else if (output !== 'drop') output(Buffer.from(text));
  }

  /** The process ends; its outputs as well, unless something holds them open. */
  end(exitCode: number, options: { readonly heldOpen?: boolean } = {}): void {
    this.#exit.resolve({ exitCode });
    if (options.heldOpen !== true) this.#drained.resolve();
  }

  async resize(): Promise<void> {}

  async kill(): Promise<void> {
    this.killed = true;
    this.end(137);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
  }
}

/** Execs in memory. `behave` is what the next processes do. */
export class FakeExecs implements ExecService {
  readonly name = 'exec';
  readonly sessions: FakeExecSession[] = [];
  behave: (session: FakeExecSession) => void = (session) => session.end(0);

  async start(): Promise<void> {}

  async close(): Promise<void> {}

  async open(target: ExecTarget, request: ExecRequest): Promise<ExecSession> {
    const session = new FakeExecSession(target, request);
    this.sessions.push(session);
    this.behave(session);
    return session;
  }

  async recover(): Promise<void> {}
}
