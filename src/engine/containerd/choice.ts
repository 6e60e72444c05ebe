/** `given`: the operator named an address; `system`: the node's own containerd; `supervised`: one that we start. */
export type ChoiceKind = 'given' | 'system' | 'supervised';

/** Which containerd holds our pods, as recorded under the root directory. */
export interface Choice {
  readonly kind: ChoiceKind;
  /** Path of its socket. */
  readonly address: string;
  /** Its identity; undefined until it has first been reached. */
  readonly uuid: string | undefined;
}

export interface ChoiceFacts {
  /** `auto` or the path of a socket. */
  readonly setting: string;
  /** Pods or containers are recorded, so the containerd that holds them is the only right one. */
  readonly hasRecords: boolean;
  readonly systemAddress: string;
  readonly systemInstalled: boolean;
  readonly systemAnswers: boolean;
  /** Socket of the containerd that we would start. */
  readonly ownAddress: string;
  /** There is a containerd program to start. */
  readonly ownPossible: boolean;
}

/**
 * Decides which containerd to use; undefined when there is none. An address that is given is obeyed. `auto` keeps what
 * was recorded: as long as pods are, come what may; without pods as long as it is still possible.
 */
export function decide(recorded: Choice | undefined, facts: ChoiceFacts): Choice | undefined {
  if (facts.setting !== 'auto') return { kind: 'given', address: facts.setting, uuid: recorded?.uuid };
  if (recorded !== undefined && (facts.hasRecords || stillPossible(recorded, facts))) {
    // The root directory holds a supervised containerd's data; its socket is wherever the state directory is now.
    return recorded.kind === 'supervised' ? { ...recorded, address: facts.ownAddress } : recorded;
  }
  if (facts.systemInstalled || facts.systemAnswers) {
    return { kind: 'system', address: facts.systemAddress, uuid: undefined };
  }
  return facts.ownPossible ? { kind: 'supervised', address: facts.ownAddress, uuid: undefined } : undefined;
}

function stillPossible(recorded: Choice, facts: ChoiceFacts): boolean {
  switch (recorded.kind) {
    case 'system':
      return facts.systemInstalled || facts.systemAnswers;
    case 'supervised':
      return facts.ownPossible;
    case 'given':
      return false; // the operator has taken the address back
  }
}
