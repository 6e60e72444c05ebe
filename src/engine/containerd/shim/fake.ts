import { EngineError } from '../../errors.ts';
import type { ShimAddress } from '../../types/index.ts';
import type { ShimExit, ShimKill, Shims } from './shims.ts';

/** Shims in memory: none unless a test puts one there. */
export class FakeShims implements Shims {
  /** By task. */
  readonly addresses = new Map<string, ShimAddress>();
  readonly exits = new Map<string, Promise<ShimExit>>();
  readonly kills: ShimKill[] = [];
  failKill: Error | undefined;

  find(_initPid: number, taskId: string): ShimAddress | undefined {
    return this.addresses.get(taskId);
  }

  async wait(_shim: ShimAddress, taskId: string): Promise<ShimExit> {
    return await (this.exits.get(taskId) ?? Promise.reject(new EngineError('not-found', `no task ${taskId}`)));
  }

  async kill(_shim: ShimAddress, request: ShimKill): Promise<boolean> {
    if (this.failKill !== undefined) throw this.failKill;
    this.kills.push(request);
    return true;
  }
}
