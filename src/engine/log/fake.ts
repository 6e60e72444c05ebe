import { PassThrough } from 'node:stream';
import { EngineError } from '../errors.ts';
import type {
  AttachStreams,
  HeldOutput,
  LogAttachment,
  LogService,
  OutputPaths,
  OutputSpec,
  OutputTotals,
  PumpHealth,
  PumpStatus,
} from './log-service.ts';

type Verb = 'prepare' | 'ended' | 'reopen' | 'release' | 'attach';

const NOTHING: OutputTotals = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 }, lostBytes: 0 };

/** A client's attachment in memory: what is written to `stdout` and `stderr` it reads, and `stdin` has what it wrote. */
export interface FakeAttachment extends LogAttachment {
  readonly stdin?: PassThrough;
  readonly stdout?: PassThrough;
  readonly stderr?: PassThrough;
  readonly end: PromiseWithResolvers<'ended' | 'detached'>;
  disposed: boolean;
}

/** Outputs in memory: no FIFO, no log file, and every output ends when it is asked to. `failNext` makes the next call of that verb fail. */
export class FakeLogService implements LogService {
  readonly name = 'log';
  readonly specs = new Map<string, OutputSpec>();
  readonly finished = new Set<string>();
  readonly reopened: string[] = [];
  readonly attachments: FakeAttachment[] = [];
  readonly #failures = new Map<Verb, Error>();

  failNext(verb: Verb, error: Error): void {
    this.#failures.set(verb, error);
  }

  async start(): Promise<void> {}

  async close(): Promise<void> {}

  async prepare(spec: OutputSpec, signal: AbortSignal): Promise<OutputPaths> {
    this.#fail('prepare');
    signal.throwIfAborted();
    this.specs.set(spec.containerId, spec);
    const folder = `/fake/io/${spec.containerId}`;
    return {
      stdout: `${folder}/stdout`,
      ...(spec.tty ? {} : { stderr: `${folder}/stderr` }),
      ...(spec.stdin ? { stdin: `${folder}/stdin` } : {}),
    };
  }

  async ended(containerId: string, signal: AbortSignal): Promise<OutputTotals> {
    this.#fail('ended');
    signal.throwIfAborted();
    this.#need(containerId);
    this.finished.add(containerId);
    return NOTHING;
  }

  async reopen(containerId: string, signal: AbortSignal): Promise<void> {
    this.#fail('reopen');
    signal.throwIfAborted();
    this.#need(containerId);
    if (this.finished.has(containerId)) {
      throw new EngineError('failed-precondition', `output of container ${containerId} has ended`);
    }
    this.reopened.push(containerId);
  }

  async attach(containerId: string, streams: AttachStreams, signal: AbortSignal): Promise<LogAttachment> {
    this.#fail('attach');
    signal.throwIfAborted();
    this.#need(containerId);
    const end = Promise.withResolvers<'ended' | 'detached'>();
    const attachment: FakeAttachment = {
      ...(streams.stdin ? { stdin: new PassThrough() } : {}),
      ...(streams.stdout ? { stdout: new PassThrough() } : {}),
      ...(streams.stderr ? { stderr: new PassThrough() } : {}),
      end,
      ended: end.promise,
      disposed: false,
      [Symbol.asyncDispose]: async () => {
        attachment.disposed = true;
      },
    };
    this.attachments.push(attachment);
    return attachment;
  }

  async release(containerId: string): Promise<void> {
    this.#fail('release');
    this.specs.delete(containerId);
    this.finished.delete(containerId);
  }

  async held(): Promise<readonly HeldOutput[]> {
    return [...this.specs.keys()].map((containerId) => ({
      containerId,
      state: this.finished.has(containerId) ? 'ended' : 'open',
      totals: NOTHING,
    }));
  }

  health: PumpHealth = { silentMs: 0, replacements: 0 };

  async status(): Promise<PumpStatus> {
    return {
      pid: 1,
      version: 'fake',
      startedAtMs: 0,
      open: this.specs.size - this.finished.size,
      ended: this.finished.size,
      damaged: 0,
      stalled: 0,
      bytes: 0,
      lines: 0,
      lostBytes: 0,
      stalls: 0,
      stalledMs: 0,
      reopens: 0,
    };
  }

  #need(containerId: string): void {
    if (!this.specs.has(containerId)) {
      throw new EngineError('not-found', `output of container ${containerId} is not held`);
    }
  }

  #fail(verb: Verb): void {
    const error = this.#failures.get(verb);
    this.#failures.delete(verb);
    if (error !== undefined) throw error;
  }
}
