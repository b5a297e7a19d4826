/* System calls. Each returns what the kernel returns: a negative errno on failure. */
#ifndef KERNEL_H
#define KERNEL_H

#include "abi.h"

/* From here on every architecture has the same numbers. */
enum {
	NR_pidfd_send_signal = 424, NR_io_uring_setup = 425, NR_io_uring_enter = 426,
	NR_io_uring_register = 427, NR_open_tree = 428, NR_move_mount = 429, NR_fsopen = 430,
	NR_fsconfig = 431, NR_fsmount = 432, NR_fspick = 433, NR_pidfd_open = 434, NR_clone3 = 435,
	NR_close_range = 436, NR_openat2 = 437, NR_pidfd_getfd = 438, NR_faccessat2 = 439,
	NR_process_madvise = 440, NR_epoll_pwait2 = 441, NR_mount_setattr = 442, NR_quotactl_fd = 443,
	NR_landlock_create_ruleset = 444, NR_landlock_add_rule = 445, NR_landlock_restrict_self = 446,
	NR_memfd_secret = 447, NR_process_mrelease = 448, NR_futex_waitv = 449,
	NR_set_mempolicy_home_node = 450, NR_cachestat = 451, NR_fchmodat2 = 452,
	NR_map_shadow_stack = 453, NR_futex_wake = 454, NR_futex_wait = 455, NR_futex_requeue = 456,
	NR_statmount = 457, NR_listmount = 458, NR_lsm_get_self_attr = 459,
	NR_lsm_set_self_attr = 460, NR_lsm_list_modules = 461, NR_mseal = 462, NR_setxattrat = 463,
	NR_getxattrat = 464, NR_listxattrat = 465, NR_removexattrat = 466, NR_open_tree_attr = 467,
	NR_file_getattr = 468, NR_file_setattr = 469, NR_listns = 470
};

#define CALL(name, a, b, c, d, e)                                                              \
	syscall6(NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

static inline _Noreturn void sys_exit(int status)
{
	for (;;)
		CALL(exit_group, status, 0, 0, 0, 0);
}

static inline long sys_read(int fd, void *buffer, size_t size)
{
	return CALL(read, fd, buffer, size, 0, 0);
}

static inline long sys_write(int fd, const void *buffer, size_t size)
{
	return CALL(write, fd, buffer, size, 0, 0);
}

static inline long sys_openat(int dir, const char *path, int flags, unsigned mode)
{
	return CALL(openat, dir, path, flags | O_CLOEXEC, mode, 0);
}

static inline long sys_open(const char *path, int flags)
{
	return sys_openat(AT_FDCWD, path, flags, 0);
}

static inline long sys_openat2(int dir, const char *path, const struct open_how *how)
{
	return CALL(openat2, dir, path, how, sizeof *how, 0);
}

static inline void sys_close(int fd)
{
	CALL(close, fd, 0, 0, 0, 0);
}

static inline long sys_fstat(int fd, struct stat *st)
{
	return CALL(fstat, fd, st, 0, 0, 0);
}

static inline long sys_stat(const char *path, struct stat *st)
{
	return CALL(newfstatat, AT_FDCWD, path, st, 0, 0);
}

static inline long sys_lstat(const char *path, struct stat *st)
{
	return CALL(newfstatat, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW, 0);
}

static inline long sys_readlinkat(int dir, const char *path, char *buffer, size_t size)
{
	return CALL(readlinkat, dir, path, buffer, size, 0);
}

static inline long sys_mkdirat(int dir, const char *name, unsigned mode)
{
	return CALL(mkdirat, dir, name, mode, 0, 0);
}

static inline long sys_symlinkat(const char *text, int dir, const char *name)
{
	return CALL(symlinkat, text, dir, name, 0, 0);
}

static inline long sys_mount(const char *source, const char *target, const char *type,
                             unsigned long flags, const char *data)
{
	return CALL(mount, source, target, type, flags, data);
}

static inline long sys_ioctl(int fd, unsigned request, void *argument)
{
	return CALL(ioctl, fd, request, argument, 0, 0);
}

static inline long sys_prctl(int option, unsigned long a, unsigned long b)
{
	return CALL(prctl, option, a, b, 0, 0);
}

static inline long sys_kill(long pid, int signal)
{
	return CALL(kill, pid, signal, 0, 0, 0);
}

static inline long sys_wait(long pid, int *status, int options)
{
	return CALL(wait4, pid, status, options, 0, 0);
}

static inline long sys_sigprocmask(int how, const sigset *set, sigset *old)
{
	return CALL(rt_sigprocmask, how, set, old, sizeof *set, 0);
}

static inline long sys_sigaction(int signal, const struct sigaction *act, struct sigaction *old)
{
	return CALL(rt_sigaction, signal, act, old, sizeof(sigset), 0);
}

/* fork(2), into new namespaces if `flags` name some. */
static inline long sys_fork(unsigned long flags)
{
	return CALL(clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static inline long sys_execve(const char *path, char *const argv[], char *const envp[])
{
	return CALL(execve, path, argv, envp, 0, 0);
}

#endif
