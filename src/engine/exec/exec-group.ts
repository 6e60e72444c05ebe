import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineError, kindOf, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { execMark, execToken } from './exec-id.ts';
import type { ExecIds } from './exec-id.ts';
import type { ExecTarget } from './exec-types.ts';
import { execFamily } from './family.ts';
import type { ExecRoot } from './family.ts';
import { livesInCgroup, readProcessFacts, readProcessFactsNow } from './process-facts.ts';

/** Of cgroups, what an exec needs. */
export interface ExecCgroups {
  /** Processes that live in the cgroup and below. */
  processes(path: string): Promise<readonly number[]>;
  /** Moves a process into a cgroup, which is made if its parent is there. A process that is gone is fine. */
  enter(path: string, pid: number): Promise<void>;
  killAll(path: string, signal: AbortSignal): Promise<void>;
  /** Moves what lives in the cgroup up to its parent and removes it; one that is not there is fine. */
  dissolve(path: string): Promise<void>;
}

export interface ExecGroupDeps {
  readonly cgroups: ExecCgroups;
  readonly logger: Logger;
}

/**
 * A command that ends before needs no cgroup: most of those that are run again and again do, and on some kernels a move
 * holds up every fork and exit of the node for a while.
 */
const MOVE_AFTER_MS = 20;
const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 200;

/**
 * All processes that come of one exec. A moment after the start its process is moved into a cgroup below the container's, in
 * which its descendants are then born; what it forked before the move is told by its mark, its session or its parents (see
 * family.ts). Only processes in the container's cgroup are ever touched, and never the container's first one.
 *
 * What can escape: a process that a program with the power to do so moved out of the container's cgroup; one that was
 * forked before the move (some 20 ms), left its session, lost its parent and set its limit of file locks, all of
 * that; and what another process of the container does on the exec's behalf. Runtimes whose processes are not on this
 * node (a virtual machine's) kill the exec's own process alone.
 */
export class ExecGroup {
  readonly #deps: ExecGroupDeps;
  readonly #target: ExecTarget;
  readonly #ids: ExecIds;
  readonly #path: string;
  #root: ExecRoot | undefined;
  #hasBegun = false;
  #timer: NodeJS.Timeout | undefined;
  /** Ends with the move, whatever came of it. Undefined before it. */
  #moved: Promise<void> | undefined;

  constructor(deps: ExecGroupDeps, target: ExecTarget, ids: ExecIds) {
    this.#deps = deps;
    this.#target = target;
    this.#ids = ids;
    this.#path = join(target.cgroupPath, `davit-exec-${execToken(ids)}`);
  }

  /** Takes the process in, in the background, if it lives on for a moment. Call it once, right after the start. */
  begin(pid: number): void {
    this.#hasBegun = true;
    this.#root = this.#find(pid);
    if (this.#root !== undefined) this.#timer = setTimeout(() => void this.#takeIn(), MOVE_AFTER_MS);
  }

  /** Kills until none of them lives. Throws when the signal aborts first. */
  async kill(signal: AbortSignal): Promise<void> {
    await this.#takeIn();
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      await this.#deps.cgroups.killAll(this.#path, signal);
      const strays = await this.#strays();
      if (strays.length === 0) return;
      if (signal.aborted) throw survived(this.#ids, strays, signal);
      await this.#gather(strays);
      await delay(wait, undefined, { signal }).catch(() => undefined); // whether it aborted is looked at above
    }
  }

  /** Gives what lives on back to the container. Call it when nothing is to be killed any more. */
  async dissolve(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#hasBegun && this.#moved === undefined) return;
    await this.#moved;
    await this.#deps.cgroups.dissolve(this.#path);
  }

  /** Never rejects. */
  #takeIn(): Promise<void> {
    clearTimeout(this.#timer);
    this.#moved ??= this.#move().catch((error: unknown) => this.#tell(error));
    return this.#moved;
  }

  async #move(): Promise<void> {
    if (this.#root === undefined) return;
    const { pid, startTime } = this.#root;
    if (readProcessFactsNow(pid)?.startTime === startTime) await this.#deps.cgroups.enter(this.#path, pid);
  }

  /** Undefined for one that is gone, or is none of the container's. */
  #find(pid: number): ExecRoot | undefined {
    try {
      // The pid may be one inside a virtual machine; on this node it is then anybody's.
      if (pid === this.#target.pid || !livesInCgroup(pid, this.#target.cgroupPath)) return undefined;
      const facts = readProcessFactsNow(pid);
      return facts === undefined ? undefined : { pid, startTime: facts.startTime };
    } catch (error) {
      this.#tell(error);
      return undefined;
    }
  }

  #tell(error: unknown): void {
    this.#deps.logger.debug({ ...this.#ids, error: messageOf(error) }, 'an exec has no cgroup of its own');
  }

  /** The family's processes; those in its cgroup are dead by now, or just born. */
  async #strays(): Promise<readonly number[]> {
    const pids = await this.#deps.cgroups.processes(this.#target.cgroupPath);
    const facts = await Promise.all(pids.map((pid) => readProcessFacts(pid)));
    const known = facts.filter((process) => process !== undefined);
    return execFamily(known, execMark(this.#ids), this.#root).filter((pid) => pid !== this.#target.pid);
  }

  /** Into the cgroup, where the next round kills them all at once: they cannot fork away from it. Else one by one. */
  async #gather(pids: readonly number[]): Promise<void> {
    for (const pid of pids) {
      try {
        await this.#deps.cgroups.enter(this.#path, pid);
      } catch {
        kill(pid);
      }
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function survived({ execId }: ExecIds, pids: readonly number[], signal: AbortSignal): EngineError {
  const kind = kindOf(signal.reason) === 'deadline-exceeded' ? 'deadline-exceeded' : 'cancelled';
  const message = `exec ${execId}: processes ${pids.slice(0, 10).join(', ')} live on after SIGKILL; see /proc/PID/stack of one`;
  return new EngineError(kind, message, { cause: signal.reason });
}
