/*
 * davit-pause: PID 1 of a pod that shares its PID namespace. It holds the namespace, takes in the orphans of the pod's
 * containers, and ends when it is told to. Nothing else: no libc, no files, no memory but a page of stack.
 *
 * Called with an argument it is what makes the namespaces of a pod with a user namespace, which no thread of a larger
 * process may: it moves into new ones, says so with a byte, and holds them until its standard input ends.
 *
 * The kernel spares the first process of a PID namespace every signal whose action is the default one. So nothing needs
 * to be ignored here, and what must be seen is blocked and waited for: a blocked signal is kept for rt_sigtimedwait()
 * even where its default is to be dropped, and no handler can race with the reaping.
 */

#if defined(__x86_64__)

enum { SYS_read = 0, SYS_write = 1, SYS_rt_sigprocmask = 14, SYS_wait4 = 61 };
enum { SYS_rt_sigtimedwait = 128, SYS_exit_group = 231, SYS_unshare = 272 };

/* The kernel starts a program with its count of arguments on top of the stack. */
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");

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

enum { SYS_read = 63, SYS_write = 64, SYS_exit_group = 94, SYS_unshare = 97 };
enum { SYS_rt_sigprocmask = 135, SYS_rt_sigtimedwait = 137, SYS_wait4 = 260 };

/* The kernel starts a program with its count of arguments on top of the stack. */
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl start\n");

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
enum { CLONE_NEWUTS = 0x4000000, CLONE_NEWIPC = 0x8000000, CLONE_NEWUSER = 0x10000000, CLONE_NEWNET = 0x40000000 };
enum { SIG_BLOCK = 0, WNOHANG = 1, ANY_CHILD = -1 };

/* The kernel's signal set: bit n - 1 is signal n. */
typedef unsigned long sigset;

static sigset only(int signal)
{
	return 1UL << (signal - 1);
}

__attribute__((noreturn)) static void end(long status)
{
	for (;;)
		call4(SYS_exit_group, status, 0, 0, 0);
}

__attribute__((noreturn)) static void hold_namespaces(void)
{
	char byte = '.';
	/* The user namespace is made first and owns the others. */
	long error = call4(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS, 0, 0, 0);

	/* The exit status is the errno; those that can come are less than 256. */
	if (error != 0)
		end(-error);
	call4(SYS_write, 1, (long)&byte, 1, 0);
	while (call4(SYS_read, 0, (long)&byte, 1, 0) > 0)
		continue;
	end(0);
}

__attribute__((noreturn, used)) void start(const long *arguments)
{
	sigset awaited = only(SIGINT) | only(SIGTERM) | only(SIGCHLD);

	if (*arguments > 1)
		hold_namespaces();
	call4(SYS_rt_sigprocmask, SIG_BLOCK, (long)&awaited, 0, sizeof(awaited));
	for (;;) {
		/* One SIGCHLD may stand for many children: reap until none is left that has ended. */
		while (call4(SYS_wait4, ANY_CHILD, 0, WNOHANG, 0) > 0)
			continue;
		long signal = call4(SYS_rt_sigtimedwait, (long)&awaited, 0, 0, sizeof(awaited));
		if (signal == SIGINT || signal == SIGTERM)
			end(0);
	}
}
