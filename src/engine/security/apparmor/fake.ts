import type { AppArmorNode } from './profiles.ts';

/** A kernel that takes every profile. */
export class FakeAppArmorNode implements AppArmorNode {
  readonly profiles: string[] = [];
  /** As securityfs lists them; undefined: it cannot be read. */
  list: string | undefined = '';
  /** Fails the next load. */
  failure: Error | undefined;

  async loaded(): Promise<string | undefined> {
    return this.list;
  }

  async load(profile: string): Promise<void> {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    this.profiles.push(profile);
  }
}
