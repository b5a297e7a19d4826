/* x86_64: program start, system calls, and what differs in the kernel's structures. */
#ifndef ARCH_H
#define ARCH_H

/* The kernel leaves argc, argv and the environment on the stack. */
#define START                                                                                  \
	__asm__(".text\n.globl _start\n_start:\n"                                              \
	        "xor %ebp, %ebp\nmov %rsp, %rdi\nand $-16, %rsp\ncall start\nhlt\n")

static inline long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return result;
}

enum { O_DIRECTORY = 0200000, O_NOFOLLOW = 0400000 };

struct stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	char rest[96];
};

#define AUDIT_ARCH 0xc000003e

enum {
	NR_read = 0, NR_write = 1, NR_close = 3, NR_fstat = 5, NR_rt_sigaction = 13,
	NR_rt_sigprocmask = 14, NR_ioctl = 16, NR_getpid = 39, NR_socket = 41, NR_socketpair = 53,
	NR_clone = 56, NR_execve = 59, NR_wait4 = 61, NR_kill = 62, NR_fcntl = 72, NR_chdir = 80,
	NR_fchdir = 81, NR_fchmod = 91, NR_umask = 95, NR_getuid = 102, NR_syslog = 103,
	NR_getgid = 104, NR_geteuid = 107,
	NR_getegid = 108, NR_setpgid = 109, NR_getpgid = 121, NR_setgroups = 116, NR_setresuid = 117,
	NR_setresgid = 119, NR_capset = 126, NR_rt_sigtimedwait = 128, NR_fstatfs = 138,
	NR_vhangup = 153, NR_pivot_root = 155, NR_prctl = 157, NR_acct = 163,
	NR_settimeofday = 164, NR_mount = 165, NR_umount2 = 166, NR_swapon = 167, NR_swapoff = 168,
	NR_reboot = 169, NR_sethostname = 170, NR_init_module = 175, NR_delete_module = 176,
	NR_quotactl = 179, NR_nfsservctl = 180, NR_lookup_dcookie = 212, NR_getdents64 = 217,
	NR_clock_settime = 227, NR_exit_group = 231, NR_kexec_load = 246, NR_add_key = 248,
	NR_request_key = 249, NR_keyctl = 250, NR_openat = 257, NR_mkdirat = 258,
	NR_newfstatat = 262, NR_symlinkat = 266, NR_readlinkat = 267, NR_faccessat = 269,
	NR_ppoll = 271, NR_unshare = 272, NR_signalfd4 = 289, NR_perf_event_open = 298,
	NR_fanotify_init = 300, NR_open_by_handle_at = 304, NR_clock_adjtime = 305, NR_setns = 308,
	NR_finit_module = 313, NR_kexec_file_load = 320, NR_bpf = 321, NR_userfaultfd = 323
};

/* Calls of this architecture alone that the filter refuses:
 * uselib ustat sysfs _sysctl iopl ioperm create_module get_kernel_syms query_module */
#define ARCH_REFUSED 134, 136, 139, 156, 172, 173, 174, 177, 178

/* 32-bit programs: the same calls by i386's numbers. Those from open_tree on are the same ones;
 * then stime umount sysfs uselib ustat ioperm iopl vm86 vm86old create_module get_kernel_syms
 * query_module _sysctl clock_settime64 clock_adjtime64, which only i386 has, or names so. */
#define AUDIT_ARCH_32 0x40000003
enum { NR_ioctl_32 = 54, NR_clone_32 = 120, NR_unshare_32 = 310 };
#define REFUSED_32                                                                             \
	/* mount umount2 pivot_root setns */ 21, 52, 217, 346,                                 \
	/* add_key request_key keyctl */ 286, 287, 288,                                        \
	/* bpf perf_event_open userfaultfd */ 357, 336, 374,                                   \
	/* init_module finit_module delete_module */ 128, 350, 129,                            \
	/* kexec_load lookup_dcookie fanotify_init */ 283, 253, 338,                           \
	/* open_by_handle_at */ 342,                                                           \
	/* reboot swapon swapoff acct quotactl nfsservctl */ 88, 87, 115, 51, 131, 169,        \
	/* settimeofday clock_settime clock_adjtime syslog vhangup */ 79, 264, 343, 103, 111,  \
	NR_open_tree, NR_open_tree_attr, NR_move_mount, NR_fsopen, NR_fsconfig, NR_fsmount,    \
	NR_fspick, NR_mount_setattr, NR_quotactl_fd,                                           \
	25, 22, 135, 86, 62, 101, 110, 166, 113, 127, 130, 167, 149, 404, 405

#endif
