/* aarch64: program start, system calls, and what differs in the kernel's structures. */
#ifndef ARCH_H
#define ARCH_H

/* The kernel leaves argc, argv and the environment on the stack. */
#define START                                                                                  \
	__asm__(".text\n.globl _start\n_start:\n"                                              \
	        "mov x29, #0\nmov x30, #0\nmov x0, sp\nand sp, x0, #-16\nbl start\nbrk #1\n")

static inline long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
	                 : "+r"(x0)
	                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
	                 : "memory");
	return x0;
}

enum { O_DIRECTORY = 040000, O_NOFOLLOW = 0100000 };

struct stat {
	uint64_t dev, ino;
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev;
	char rest[88];
};

#define AUDIT_ARCH 0xc00000b7

enum {
	NR_fcntl = 25, NR_ioctl = 29, NR_lookup_dcookie = 18, NR_mkdirat = 34, NR_symlinkat = 36,
	NR_umount2 = 39, NR_mount = 40, NR_pivot_root = 41, NR_nfsservctl = 42, NR_fstatfs = 44,
	NR_faccessat = 48, NR_chdir = 49, NR_fchdir = 50, NR_fchmod = 52, NR_openat = 56,
	NR_close = 57, NR_vhangup = 58, NR_quotactl = 60, NR_getdents64 = 61, NR_read = 63,
	NR_write = 64, NR_ppoll = 73, NR_signalfd4 = 74, NR_readlinkat = 78, NR_newfstatat = 79,
	NR_fstat = 80, NR_acct = 89, NR_capset = 91, NR_exit_group = 94, NR_unshare = 97,
	NR_kexec_load = 104, NR_init_module = 105, NR_delete_module = 106, NR_clock_settime = 112,
	NR_syslog = 116, NR_kill = 129, NR_rt_sigaction = 134, NR_rt_sigprocmask = 135,
	NR_rt_sigtimedwait = 137, NR_reboot = 142, NR_setresuid = 147, NR_setresgid = 149,
	NR_setpgid = 154, NR_getpgid = 155, NR_setgroups = 159, NR_sethostname = 161, NR_umask = 166, NR_prctl = 167,
	NR_settimeofday = 170, NR_getpid = 172, NR_getuid = 174, NR_geteuid = 175, NR_getgid = 176,
	NR_getegid = 177, NR_socket = 198, NR_socketpair = 199, NR_add_key = 217, NR_request_key = 218, NR_keyctl = 219,
	NR_clone = 220, NR_execve = 221, NR_swapon = 224, NR_swapoff = 225,
	NR_perf_event_open = 241, NR_wait4 = 260, NR_fanotify_init = 262,
	NR_open_by_handle_at = 265, NR_clock_adjtime = 266, NR_setns = 268, NR_finit_module = 273,
	NR_bpf = 280, NR_userfaultfd = 282, NR_kexec_file_load = 294
};

#define ARCH_REFUSED (-1) /* none */

#endif
