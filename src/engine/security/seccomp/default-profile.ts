import { constants } from 'node:os';
import { ALLOWED_CALLS } from './allowed-calls.ts';
import { architecturesOf } from './architectures.ts';
import { GATED_CALLS } from './gated-calls.ts';
import type { GatedCalls } from './gated-calls.ts';
import { isAtLeast, parseKernelVersion } from './kernel-version.ts';
import type { KernelVersion } from './kernel-version.ts';
import type { OciSeccomp, OciSyscallRule } from './oci-seccomp.ts';

/** What a profile depends on. */
export interface SeccompSubject {
  /** Those that the container is granted. */
  readonly capabilities: readonly string[];
  /** The machine's, as Node names it. */
  readonly arch: string;
  /** The kernel's release, as `uname -r` prints it. */
  readonly kernel: string;
}

const { EPERM, ENOSYS } = constants.errno;
const ADMIN = 'CAP_SYS_ADMIN';
const LOW_32_BITS = 0xffff_ffff;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NEW_NAMESPACES = 0x7e02_0000;
/** CLONE_NEWTIME as well, which `clone` cannot express. */
const NEW_NAMESPACES_OF_UNSHARE = NEW_NAMESPACES | 0x80;
/** Linux, and 32-bit Linux, each also with the release shown as 2.6; the last one only asks what it is. */
const PERSONALITIES = [0, 0x8, 0x2_0000, 0x2_0008, LOW_32_BITS];
/**
 * All address families but ALG (38), the kernel's cryptography, by which programs have become root (CVE-2026-31431), and
 * VSOCK (40), which talks to the hypervisor. In blocks of `family & mask`, because the kernel looks at the low 32 bits
 * alone: a comparison of the whole register would let pass whatever has a bit set above them.
 */
const SOCKET_FAMILIES: readonly (readonly [mask: number, family: number])[] = [
  [0xffff_ffe0, 0],
  [0xffff_fffc, 32],
  [0xffff_fffe, 36],
  [LOW_32_BITS, 39],
  [LOW_32_BITS, 41],
  [0xffff_fffe, 42],
  [0xffff_fffc, 44],
];

/** The filter of a container that asks for the runtime's default: what is not listed is refused with EPERM. Pure. */
export function defaultSeccompProfile({ capabilities, arch, kernel }: SeccompSubject): OciSeccomp {
  const version = parseKernelVersion(kernel);
  const gated = GATED_CALLS.filter((calls) => isOpen(calls, capabilities, version)).flatMap(({ names }) => names);
  const architectures = architecturesOf(arch);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    ...(architectures === undefined ? {} : { architectures }),
    syscalls: [
      allow([...Object.values(ALLOWED_CALLS).flat(), ...gated].sort()),
      ...PERSONALITIES.map((value) => allowEqual('personality', value)),
      ...SOCKET_FAMILIES.map(([mask, family]) => allowMasked('socket', mask, family)),
      ...(capabilities.includes(ADMIN) ? [] : withoutNamespaces()),
    ],
  };
}

function isOpen({ capabilities, freeSince }: GatedCalls, held: readonly string[], kernel?: KernelVersion): boolean {
  if (freeSince !== undefined && isAtLeast(kernel, freeSince)) return true;
  return capabilities.some((name) => held.includes(name));
}

/** Threads and processes, but no namespaces. The flags of clone3 lie in memory, where no filter looks: libc tries clone then. */
function withoutNamespaces(): readonly OciSyscallRule[] {
  return [
    allowMasked('clone', NEW_NAMESPACES, 0),
    allowMasked('unshare', NEW_NAMESPACES_OF_UNSHARE, 0),
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
  ];
}

function allow(names: readonly string[]): OciSyscallRule {
  return { names, action: 'SCMP_ACT_ALLOW' };
}

function allowEqual(name: string, value: number): OciSyscallRule {
  return { ...allow([name]), args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] };
}

function allowMasked(name: string, mask: number, valueTwo: number): OciSyscallRule {
  return { ...allow([name]), args: [{ index: 0, value: mask, valueTwo, op: 'SCMP_CMP_MASKED_EQ' }] };
}
