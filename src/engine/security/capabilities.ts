import { invalidField } from '../errors.ts';

export interface CapabilityRequest {
  readonly privileged: boolean;
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

/** The kernel's capabilities; each one's number is its place. */
export const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

/** What a container gets when nothing else is asked: the set that images have been written for since Docker. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SYS_CHROOT',
  'CAP_MKNOD',
  'CAP_AUDIT_WRITE',
  'CAP_SETFCAP',
];

const ALL = 'ALL';
const FIELD = 'config.linux.security_context.capabilities';

/** The names in a mask as /proc/PID/status writes it; bits that have no name here are left out. */
export function capabilitiesOfMask(hex: string): readonly string[] {
  const mask = BigInt(`0x${hex}`);
  return CAPABILITIES.filter((_name, number) => (mask & (1n << BigInt(number))) !== 0n);
}

/**
 * The capabilities of a container's first process: the default set, or all, or none, then what is added, then what is
 * dropped. Only what is in `held` (the runtime's own bounding set) is given: asking the kernel for more fails the whole
 * container. An unknown name is invalid-argument, and so is an ambient one that is dropped or not in `held`: whoever asks
 * for it has no other way to get it.
 */
export function grantCapabilities(request: CapabilityRequest, held: readonly string[]): CapabilityGrant {
  const add = parseList(request.add, `${FIELD}.add_capabilities`);
  const drop = parseList(request.drop, `${FIELD}.drop_capabilities`);
  const ambient = parseList(request.addAmbient, `${FIELD}.add_ambient_capabilities`);
  const wanted = request.privileged ? new Set<string>(CAPABILITIES) : wantedOf(new Set([...add, ...ambient]), drop);
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

function wantedOf(add: ReadonlySet<string>, drop: ReadonlySet<string>): ReadonlySet<string> {
  const wanted = new Set(startOf(add, drop));
  for (const name of add) wanted.add(name);
  for (const name of drop) wanted.delete(name);
  return wanted;
}

/** "Drop ALL, add X" is X alone, and so it stays when ALL is in both lists. */
function startOf(add: ReadonlySet<string>, drop: ReadonlySet<string>): readonly string[] {
  if (drop.has(ALL)) return [];
  return add.has(ALL) ? CAPABILITIES : DEFAULT_CAPABILITIES;
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
  const upper = name.toUpperCase();
  if (upper === ALL || upper === `CAP_${ALL}`) return ALL;
  return upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}
