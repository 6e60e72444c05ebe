import { CAPABILITIES, fullCapabilityName } from '../../capability-names.ts';
import { invalidField } from '../errors.ts';

export { CAPABILITIES } from '../../capability-names.ts';

export interface CapabilityRequest {
  readonly privileged: boolean;
  /** Full names: what there is before anything is added or dropped. */
  readonly base: readonly string[];
  /** Names as people write them: any case, with or without `CAP_`; `ALL` stands for every one. */
  readonly add: readonly string[];
  readonly drop: readonly string[];
  /** Added as well, and in the sets that a program without root's rights keeps. */
  readonly addAmbient: readonly string[];
}

export interface CapabilityGrant {
  /** In the kernel's order. */
  readonly names: readonly string[];
  /** Those of `names` that are to be ambient. */
  readonly ambient: readonly string[];
  /** Asked for by name, or all of them, and not given, because this node does not have them to give. */
  readonly withheld: readonly string[];
}

const ALL = 'ALL';
const FIELD = 'config.linux.security_context.capabilities';

/** The names in a mask as /proc/PID/status writes it; bits that have no name here are left out. */
export function capabilitiesOfMask(hex: string): readonly string[] {
  const mask = BigInt(`0x${hex}`);
  return CAPABILITIES.filter((_name, number) => (mask & (1n << BigInt(number))) !== 0n);
}

/**
 * The capabilities of a container's first process: the base, or all, or none, then what is added, then what is
 * dropped. Only what is in `held` (the runtime's own bounding set) is given: asking the kernel for more fails the whole
 * container. An unknown name is invalid-argument, and so is an ambient one that is dropped or not in `held`: whoever asks
 * for it has no other way to get it.
 */
export function grantCapabilities(request: CapabilityRequest, held: readonly string[]): CapabilityGrant {
  const add = parseList(request.add, `${FIELD}.add_capabilities`);
  const drop = parseList(request.drop, `${FIELD}.drop_capabilities`);
  const ambient = parseList(request.addAmbient, `${FIELD}.add_ambient_capabilities`);
  const wanted = request.privileged
    ? new Set<string>(CAPABILITIES)
    : wantedOf(request.base, new Set([...add, ...ambient]), drop);
  const names = CAPABILITIES.filter((name) => wanted.has(name));
  const granted = names.filter((name) => held.includes(name));
  checkAmbient(request.addAmbient, ambient, granted);
  return {
    names: granted,
    ambient: granted.filter((name) => ambient.has(ALL) || ambient.has(name)),
    withheld: names.filter((name) => !held.includes(name)),
  };
}

function checkAmbient(asked: readonly string[], parsed: ReadonlySet<string>, granted: readonly string[]): void {
  const missing = [...parsed].find((name) => name !== ALL && !granted.includes(name));
  if (missing === undefined) return;
  const index = asked.findIndex((name) => parseName(name) === missing);
  throw invalidField(
    `${FIELD}.add_ambient_capabilities[${index}]`,
    `${missing} is not among those that the container gets: it is dropped as well, or davit does not have it itself`,
  );
}

function wantedOf(base: readonly string[], add: ReadonlySet<string>, drop: ReadonlySet<string>): ReadonlySet<string> {
  const wanted = new Set(startOf(base, add, drop));
  for (const name of add) wanted.add(name);
  for (const name of drop) wanted.delete(name);
  return wanted;
}

/** "Drop ALL, add X" is X alone, and so it stays when ALL is in both lists. */
function startOf(base: readonly string[], add: ReadonlySet<string>, drop: ReadonlySet<string>): readonly string[] {
  if (drop.has(ALL)) return [];
  return add.has(ALL) ? CAPABILITIES : base;
}

function parseList(names: readonly string[], field: string): ReadonlySet<string> {
  const known: readonly string[] = CAPABILITIES;
  return new Set(
    names.map((name, index) => {
      const full = parseName(name);
      if (full !== ALL && !known.includes(full))
        throw invalidField(`${field}[${index}]`, `unknown capability ${JSON.stringify(name)}`);
      return full;
    }),
  );
}

function parseName(name: string): string {
  const full = fullCapabilityName(name);
  return full === `CAP_${ALL}` ? ALL : full;
}
