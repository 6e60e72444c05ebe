import type { KernelVersion } from './kernel-version.ts';

/** Calls that are allowed to whoever holds one of the capabilities which the kernel asks for anyway. */
export interface GatedCalls {
  readonly capabilities: readonly string[];
  /** From this kernel on nobody needs the capability. */
  readonly freeSince?: KernelVersion;
  readonly names: readonly string[];
}

export const GATED_CALLS: readonly GatedCalls[] = [
  {
    capabilities: ['CAP_SYS_ADMIN'],
    names: [
      'clone',
      'clone3',
      'fanotify_init',
      'fsconfig',
      'fsmount',
      'fsopen',
      'fspick',
      'listns',
      'mount',
      'mount_setattr',
      'move_mount',
      'open_tree',
      'open_tree_attr',
      'pivot_root',
      'quotactl',
      'quotactl_fd',
      'setdomainname',
      'sethostname',
      'setns',
      'umount',
      'umount2',
      'unshare',
    ],
  },
  // A filter sees the calls of a traced process before its tracer may change them: since 4.8 they are looked at again.
  {
    capabilities: ['CAP_SYS_PTRACE'],
    freeSince: { major: 4, minor: 8 },
    names: ['process_vm_readv', 'process_vm_writev', 'ptrace'],
  },
  { capabilities: ['CAP_SYS_PTRACE'], names: ['kcmp', 'pidfd_getfd'] },
  { capabilities: ['CAP_SYS_PTRACE', 'CAP_SYS_NICE'], names: ['process_madvise'] },
  {
    capabilities: ['CAP_SYS_NICE'],
    names: ['get_mempolicy', 'mbind', 'migrate_pages', 'move_pages', 'set_mempolicy', 'set_mempolicy_home_node'],
  },
  { capabilities: ['CAP_SYS_ADMIN', 'CAP_BPF'], names: ['bpf'] },
  { capabilities: ['CAP_SYS_ADMIN', 'CAP_PERFMON'], names: ['perf_event_open'] },
  { capabilities: ['CAP_SYS_ADMIN', 'CAP_SYSLOG'], names: ['syslog'] },
  { capabilities: ['CAP_DAC_READ_SEARCH'], names: ['open_by_handle_at'] },
  { capabilities: ['CAP_SYS_BOOT'], names: ['reboot'] },
  { capabilities: ['CAP_SYS_CHROOT'], names: ['chroot'] },
  { capabilities: ['CAP_SYS_MODULE'], names: ['delete_module', 'finit_module', 'init_module'] },
  { capabilities: ['CAP_SYS_PACCT'], names: ['acct'] },
  { capabilities: ['CAP_SYS_RAWIO'], names: ['ioperm', 'iopl'] },
  { capabilities: ['CAP_SYS_TIME'], names: ['clock_settime', 'clock_settime64', 'settimeofday', 'stime'] },
  { capabilities: ['CAP_SYS_TTY_CONFIG'], names: ['vhangup'] },
];
