/**
 * The system calls that a program needs and that give it nothing beyond its own container, by what they are for. Calls of
 * 32-bit programs stand beside those of 64-bit ones. Names that the runtime's libseccomp does not know are passed over by
 * it; a call whose number is above all that it knows answers ENOSYS, as on a kernel that does not have it.
 */
export const ALLOWED_CALLS = {
  files: words(`
    access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 flock ftruncate ftruncate64
    getcwd getdents getdents64 ioctl lchown lchown32 link linkat lseek _llseek mkdir mkdirat mknod mknodat
    name_to_handle_at open openat openat2 pipe pipe2 readlink readlinkat rename renameat renameat2 rmdir symlink
    symlinkat truncate truncate64 umask unlink unlinkat`),
  reading: words(`
    cachestat fadvise64 fadvise64_64 arm_fadvise64_64 fdatasync fsync pread64 preadv preadv2 pwrite64 pwritev
    pwritev2 read readahead readv sendfile sendfile64 splice sync sync_file_range sync_file_range2
    arm_sync_file_range syncfs tee vmsplice write writev`),
  attributes: words(`
    fgetxattr file_getattr file_setattr flistxattr fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64
    futimesat getxattr getxattrat lgetxattr listmount listxattr listxattrat llistxattr lremovexattr lsetxattr lstat
    lstat64 newfstatat removexattr removexattrat setxattr setxattrat stat stat64 statfs statfs64 statmount statx
    utime utimensat utimensat_time64 utimes`),
  watching: words(`fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch`),
  asynchronousInput: words(`
    io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit`),
  memory: words(`
    brk madvise map_shadow_stack memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap
    mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages`),
  processes: words(`
    execve execveat exit exit_group fork getpgid getpgrp getpid getppid getsid gettid pidfd_open process_mrelease
    setpgid setsid vfork wait4 waitid waitpid`),
  threads: words(`
    arch_prctl breakpoint cacheflush get_robust_list get_thread_area get_tls getcpu membarrier modify_ldt prctl
    restart_syscall rseq rseq_slice_yield set_robust_list set_thread_area set_tid_address set_tls`),
  identity: words(`
    capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
    getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
    setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32`),
  limits: words(`
    getpriority getrlimit getrusage ioprio_get ioprio_set nice prlimit64 sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
    sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
    setpriority setrlimit ugetrlimit`),
  confinement: words(`
    landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr seccomp`),
  signals: words(`
    alarm kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaction sigaltstack signal signalfd
    signalfd4 sigpending sigprocmask sigreturn sigsuspend tgkill tkill`),
  waiting: words(`
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 futex futex_requeue
    futex_time64 futex_wait futex_waitv futex_wake poll ppoll ppoll_time64 pselect6 pselect6_time64 select
    _newselect`),
  time: words(`
    adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64 times`),
  /** `socket` itself stands apart, by its address family. */
  sockets: words(`
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
    recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair`),
  exchange: words(`
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
    mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt
    shmget`),
  system: words(`getrandom sysinfo uname`),
  /** Made by the kernel's own code in a traced program; anybody else's call ends in a signal. */
  probes: words(`uprobe uretprobe`),
} as const satisfies Readonly<Record<string, readonly string[]>>;

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
