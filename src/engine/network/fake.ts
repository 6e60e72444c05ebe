import type { SandboxId } from '../ids.ts';
import type { SandboxNetwork } from '../types/index.ts';
import type { AttachRequest, NetworkService } from './network-service.ts';
import type { NetworkStatus } from './readiness.ts';

/** A network in memory that gives addresses in a row. `failNext` makes the next call of that verb fail. */
export class FakeNetworkService implements NetworkService {
  readonly name = 'network';
  readonly attachDeadlineMs = 10_000;
  readonly attached = new Map<SandboxId, AttachRequest>();
  current: NetworkStatus = { ready: true, reason: '', message: 'fake' };
  podCidrs: readonly string[] = [];
  readonly #failures = new Map<string, Error>();
  #last = 1;

  failNext(verb: 'attach' | 'detach' | 'check', error: Error): void {
    this.#failures.set(verb, error);
  }

  async start(): Promise<void> {}

  async close(): Promise<void> {}

  status(): NetworkStatus {
    return this.current;
  }

  async attach(request: AttachRequest, signal: AbortSignal): Promise<SandboxNetwork> {
    this.#fail('attach');
    signal.throwIfAborted();
    this.attached.set(request.sandboxId, request);
    this.#last += 1;
    return { ips: [`10.88.0.${this.#last}`], cniResult: {} };
  }

  async detach(sandboxId: SandboxId): Promise<void> {
    this.#fail('detach');
    this.attached.delete(sandboxId);
  }

  async check(): Promise<void> {
    this.#fail('check');
  }

  async attachments(): Promise<readonly SandboxId[]> {
    return [...this.attached.keys()];
  }

  async gc(): Promise<void> {}

  setLimits(): void {}

  setPodCidrs(cidrs: readonly string[]): void {
    this.podCidrs = cidrs;
  }

  #fail(verb: string): void {
    const error = this.#failures.get(verb);
    this.#failures.delete(verb);
    if (error !== undefined) throw error;
  }
}
