/* System calls. Each returns what the kernel returns: a negative errno on failure. */
#ifndef KERNEL_H
#define KERNEL_H

#include "abi.h"

/* From here on every architecture has the same numbers. */
enum {
	NR_io_uring_setup = 425, NR_io_uring_enter = 426, NR_io_uring_register = 427,
	NR_open_tree = 428, NR_move_mount = 429, NR_fsopen = 430, NR_fsconfig = 431,
	NR_fsmount = 432, NR_fspick = 433, NR_clone3 = 435, NR_close_range = 436,
	NR_mount_setattr = 442, NR_quotactl_fd = 443, NR_open_tree_attr = 467, NR_listns = 470
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
