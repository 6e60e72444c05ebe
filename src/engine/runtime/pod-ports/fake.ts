import { PassThrough } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { PodPort, PodPorts } from './pod-ports.ts';

/** Every port echoes. */
export class FakePodPorts implements PodPorts {
  readonly name = 'pod ports';
  readonly connected: PodPort[] = [];

  async start(): Promise<void> {}

  async close(): Promise<void> {}

  async connect(to: PodPort, signal: AbortSignal): Promise<Duplex> {
    signal.throwIfAborted();
    this.connected.push(to);
    return new PassThrough();
  }
}
