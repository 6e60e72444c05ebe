import { EngineError, invalidField, withContext } from '../../errors.ts';
import { within } from '../../rollback.ts';
import type { SecurityProfile } from '../../types/index.ts';
import { DEFAULT_APPARMOR_PROFILE, defaultAppArmorProfile } from './default-profile.ts';
import { parseLoadedProfiles } from './loaded-profiles.ts';

/** What the node's AppArmor is asked. */
export interface AppArmorNode {
  /** The kernel's list of loaded profiles; undefined where it cannot be read. */
  loaded(): Promise<string | undefined>;
  /** Loads a profile, in place of one that has its name. */
  load(profile: string): Promise<void>;
}

export interface AppArmorProfilesDeps {
  readonly enabled: boolean;
  readonly node: AppArmorNode;
}

export interface AppArmorProfiles {
  /**
   * The name of the profile that a process is to have; undefined: none. Loads the default one on its first use. Throws
   * for a profile of the node that cannot be had: failed-precondition where AppArmor is off, else invalid-argument that
   * names `field`.
   */
  resolve(profile: SecurityProfile, field: string, signal: AbortSignal): Promise<string | undefined>;
}

export function createAppArmorProfiles(deps: AppArmorProfilesDeps): AppArmorProfiles {
  return new Profiles(deps);
}

class Profiles implements AppArmorProfiles {
  readonly #deps: AppArmorProfilesDeps;
  #default: Promise<void> | undefined;

  constructor(deps: AppArmorProfilesDeps) {
    this.#deps = deps;
  }

  async resolve(profile: SecurityProfile, field: string, signal: AbortSignal): Promise<string | undefined> {
    if (profile.kind === 'localhost') return await this.#ofNode(profile.ref, field);
    if (profile.kind === 'unconfined' || !this.#deps.enabled) return undefined;
    await this.#loadDefault(signal);
    return DEFAULT_APPARMOR_PROFILE;
  }

  async #ofNode(name: string, field: string): Promise<string> {
    if (!this.#deps.enabled) {
      throw new EngineError(
        'failed-precondition',
        `${field}: profile ${JSON.stringify(name)} cannot be used: AppArmor is off on this node, or apparmor_parser is missing`,
      );
    }
    const loaded = await this.#deps.node.loaded();
    if (loaded !== undefined && !parseLoadedProfiles(loaded).has(name))
      throw invalidField(field, `no AppArmor profile ${JSON.stringify(name)} is loaded; load it by apparmor_parser`);
    return name;
  }

  /** Once for each davitd, so that a newer one brings its own, whoever waits; a load that failed is tried again. */
  async #loadDefault(signal: AbortSignal): Promise<void> {
    const load = (this.#default ??= this.#deps.node.load(defaultAppArmorProfile()));
    try {
      await within(signal, load);
    } catch (error) {
      if (!signal.aborted && this.#default === load) this.#default = undefined;
      throw withContext(error, `load the AppArmor profile ${DEFAULT_APPARMOR_PROFILE}`);
    }
  }
}
