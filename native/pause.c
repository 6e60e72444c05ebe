/*
 * davit-pause: PID 1 of a pod that shares its PID namespace. It holds the namespace, takes in the orphans of the pod's
 * containers, and ends when it is told to. Nothing else: no libc, no arguments, no files, no memory but a page of stack.
 *
 * The kernel spares the first process of a PID namespace every signal whose action is the default one. So nothing needs
 * to be ignored here, and what must be seen is blocked and waited for: a blocked signal is kept for rt_sigtimedwait()
 * even where its default is to be dropped, and no handler can race with the reaping.
 */

#if defined(__x86_64__)

enum { SYS_rt_sigprocmask = 14, SYS_wait4 = 61, SYS_rt_sigtimedwait = 128, SYS_exit_group = 231 };

static long call4(long number, long a, long b, long c, long d)
{
	long result;
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__)

enum { SYS_exit_group = 94, SYS_rt_sigprocmask = 135, SYS_rt_sigtimedwait = 137, SYS_wait4 = 260 };

static long call4(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}

#else
#error "davit-pause knows the system calls of x86_64 and aarch64 only"
#endif

enum { SIGINT = 2, SIGTERM = 15, SIGCHLD = 17 };
enum { SIG_BLOCK = 0, WNOHANG = 1, ANY_CHILD = -1 };

/* The kernel's signal set: bit n - 1 is signal n. */
typedef unsigned long sigset;

static sigset only(int signal)
{
	return 1UL << (signal - 1);
}

__attribute__((noreturn, used)) void _start(void)
{
	sigset awaited = only(SIGINT) | only(SIGTERM) | only(SIGCHLD);

	call4(SYS_rt_sigprocmask, SIG_BLOCK, (long)&awaited, 0, sizeof(awaited));
	for (;;) {
		/* One SIGCHLD may stand for many children: reap until none is left that has ended. */
		while (call4(SYS_wait4, ANY_CHILD, 0, WNOHANG, 0) > 0)
			continue;
		long signal = call4(SYS_rt_sigtimedwait, (long)&awaited, 0, 0, sizeof(awaited));
		if (signal == SIGINT || signal == SIGTERM)
			for (;;)
				call4(SYS_exit_group, 0, 0, 0, 0);
	}
}
