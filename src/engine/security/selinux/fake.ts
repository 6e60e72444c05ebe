import type { Labeller } from './labeller.ts';

/** Remembers which path has which label. */
export class FakeLabeller implements Labeller {
  readonly labels = new Map<string, string>();

  async label(path: string, label: string): Promise<void> {
    this.labels.set(path, label);
  }
}
