import { describe, expect, it } from 'vitest';
import { DEFAULT_CAPABILITIES } from '../../../capability-names.ts';
import { ALLOWED_CALLS } from './allowed-calls.ts';
import { defaultSeccompProfile } from './default-profile.ts';
import type { SeccompSubject } from './default-profile.ts';
import { GATED_CALLS } from './gated-calls.ts';
import { KERNEL_CALLS, KERNEL_CALLS_ARM, KERNEL_CALLS_X86, REFUSED_CALLS } from './kernel-calls.fixture.ts';
import type { OciSeccomp, OciSyscallRule } from './oci-seccomp.ts';

const BY_ARGUMENT = ['personality', 'socket'];

function profile(more: Partial<SeccompSubject> = {}): OciSeccomp {
  return defaultSeccompProfile({ capabilities: DEFAULT_CAPABILITIES, arch: 'x64', kernel: '6.18.44', ...more });
}

/** The calls that are allowed whatever their arguments are. */
function free(made: OciSeccomp): readonly string[] {
  return made.syscalls
    .filter(({ action, args }) => action === 'SCMP_ACT_ALLOW' && args === undefined)
    .flatMap(({ names }) => names);
}

function rulesFor(made: OciSeccomp, name: string): readonly OciSyscallRule[] {
  return made.syscalls.filter(({ names }) => names.includes(name));
}

/** What a filter says about a call with that first argument; a register has 64 bits. */
function answer(made: OciSeccomp, name: string, argument = 0n): 'allowed' | number {
  const rule = rulesFor(made, name).find(({ args = [] }) =>
    args.every(({ op, value, valueTwo = 0 }) =>
      op === 'SCMP_CMP_EQ' ? argument === BigInt(value) : (argument & BigInt(value)) === BigInt(valueTwo),
    ),
  );
  if (rule === undefined) return made.defaultErrnoRet ?? 0;
  return rule.action === 'SCMP_ACT_ALLOW' ? 'allowed' : (rule.errnoRet ?? 0);
}

/** All names of a profile with one capability more than it has by default. */
function unlockedBy(capability: string): readonly string[] {
  const before = new Set(free(profile({ capabilities: [] })));
  return free(profile({ capabilities: [capability] })).filter((name) => !before.has(name));
}

describe('the groups of system calls', () => {
  const groups = [
    ...Object.values(ALLOWED_CALLS),
    ...GATED_CALLS.map(({ names }) => names),
    ...Object.values(REFUSED_CALLS),
  ].flat();
  const kernel = [...KERNEL_CALLS, ...KERNEL_CALLS_X86, ...KERNEL_CALLS_ARM];

  it('hold every call of the kernel exactly once', () => {
    expect([...groups, ...BY_ARGUMENT].sort()).toEqual([...kernel].sort());
  });
});

describe('defaultSeccompProfile()', () => {
  it('refuses with EPERM what it does not list, on all architectures that the machine runs', () => {
    expect(profile()).toMatchObject({
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 1,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    });
    expect(profile({ arch: 'arm64' }).architectures).toEqual(['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
    expect(profile({ arch: 'riscv64' })).not.toHaveProperty('architectures');
  });

  it('lets ordinary programs work', () => {
    const names = ['read', 'openat', 'execve', 'fork', 'mmap', 'futex', 'connect', 'clock_gettime64', 'faccessat2'];
    expect(free(profile({ capabilities: [] }))).toEqual(expect.arrayContaining(names));
    expect(free(profile())).toContain('chroot');
  });

  it.each(['mount', 'setns', 'keyctl', 'io_uring_setup', 'bpf', 'perf_event_open', 'syslog', 'init_module', 'swapon'])(
    'refuses %s',
    (name) => expect(answer(profile(), name)).toBe(1),
  );

  it('allows threads and processes, but no new namespaces', () => {
    const made = profile();
    expect(answer(made, 'clone', 0x3d0f00n)).toBe('allowed');
    for (const bit of [17n, 25n, 26n, 27n, 28n, 29n, 30n]) {
      expect(answer(made, 'clone', 0x3d0f00n | (1n << bit))).toBe(1);
      expect(answer(made, 'unshare', 1n << bit)).toBe(1);
    }
    expect(answer(made, 'unshare', 0x80n)).toBe(1);
    expect(answer(made, 'unshare', 0x600n)).toBe('allowed');
    expect(answer(made, 'clone3')).toBe(38);
  });

  it('knows the personalities that change nothing', () => {
    const made = profile();
    for (const known of [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn])
      expect(answer(made, 'personality', known)).toBe('allowed');
    expect(answer(made, 'personality', 0x40000n)).toBe(1);
  });

  it('refuses the address families ALG and VSOCK, whatever stands in the upper half of the register', () => {
    const made = profile();
    const families = Array.from({ length: 46 }, (_, family) => BigInt(family));
    const denied = families.filter((family) => answer(made, 'socket', family) === 1);
    expect(denied).toEqual([38n, 40n]);
    expect(answer(made, 'socket', (1n << 32n) | 38n)).toBe(1);
    expect(answer(made, 'socket', (1n << 63n) | 40n)).toBe(1);
  });

  it.each([
    ['CAP_SYS_MODULE', ['delete_module', 'finit_module', 'init_module']],
    ['CAP_SYS_CHROOT', ['chroot']],
    ['CAP_SYS_TIME', ['clock_settime', 'clock_settime64', 'settimeofday', 'stime']],
    ['CAP_SYS_TTY_CONFIG', ['vhangup']],
    ['CAP_SYS_BOOT', ['reboot']],
    ['CAP_SYS_RAWIO', ['ioperm', 'iopl']],
    ['CAP_SYS_PACCT', ['acct']],
    ['CAP_SYSLOG', ['syslog']],
    ['CAP_BPF', ['bpf']],
    ['CAP_PERFMON', ['perf_event_open']],
    ['CAP_DAC_READ_SEARCH', ['open_by_handle_at']],
    ['CAP_SYS_PTRACE', ['kcmp', 'pidfd_getfd', 'process_madvise']],
    ['CAP_NET_ADMIN', []],
  ])('gives with %s', (capability, names) => expect(unlockedBy(capability)).toEqual(names));

  it('gives with CAP_SYS_ADMIN namespaces and mounts', () => {
    expect(unlockedBy('CAP_SYS_ADMIN')).toEqual(
      expect.arrayContaining(['clone', 'clone3', 'unshare', 'mount', 'setns', 'bpf', 'syslog', 'perf_event_open']),
    );
    const made = profile({ capabilities: ['CAP_SYS_ADMIN'] });
    expect(answer(made, 'clone', 0x1000_0000n)).toBe('allowed');
    expect(answer(made, 'clone3')).toBe('allowed');
    expect(answer(made, 'io_uring_setup')).toBe(1);
  });

  it('allows tracing where the kernel closes its gap', () => {
    for (const kernel of ['4.8.0', '4.10.1', '6.1.0-44-amd64']) expect(free(profile({ kernel }))).toContain('ptrace');
    for (const kernel of ['4.7.10', '3.10.0', 'unknown']) {
      expect(free(profile({ kernel }))).not.toContain('ptrace');
      expect(free(profile({ kernel, capabilities: ['CAP_SYS_PTRACE'] }))).toContain('ptrace');
    }
  });

  it('makes each profile anew', () => {
    const [first, second] = [profile(), profile()];
    expect(first).toEqual(second);
    expect(first.syscalls[0]?.names).not.toBe(second.syscalls[0]?.names);
    expect(first.architectures).not.toBe(second.architectures);
  });
});
