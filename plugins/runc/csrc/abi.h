/* The part of Linux's system call interface that the launcher uses.
 *
 * The program is freestanding: it needs no libc and no kernel headers, so that any C compiler
 * can build it for either architecture. The names are those of the kernel's own headers.
 */
#ifndef ABI_H
#define ABI_H

#include <stddef.h>
#include <stdint.h>

#define PATH_MAX 4096
#define NAME_MAX 255

enum { /* errno(3) */
	EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, E2BIG = 7, ENOEXEC = 8, EBADF = 9,
	ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EBUSY = 16, EEXIST = 17, EXDEV = 18,
	ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ETXTBSY = 26,
	EFBIG = 27, ENOSPC = 28, EROFS = 30, EMLINK = 31, ERANGE = 34, ENAMETOOLONG = 36,
	ENOSYS = 38, ELOOP = 40, EUSERS = 87, EAFNOSUPPORT = 97, EDQUOT = 122, ESTALE = 116
};

enum { /* open(2), the flags that are the same everywhere */
	O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_NOCTTY = 0400,
	O_CLOEXEC = 02000000, O_PATH = 010000000
};
#define AT_FDCWD (-100)
#define AT_EMPTY_PATH 0x1000
#define AT_RECURSIVE 0x8000
#define F_GETFD 1 /* positive: closed on execve(2) */
#define F_DUPFD_CLOEXEC 1030

#define S_IFMT 0170000
#define S_ISDIR(mode) (((mode) & S_IFMT) == 0040000)
#define S_ISLNK(mode) (((mode) & S_IFMT) == 0120000)

enum { /* clone(2) */
	CLONE_NEWNS = 0x20000, CLONE_NEWCGROUP = 0x2000000, CLONE_NEWUTS = 0x4000000,
	CLONE_NEWIPC = 0x8000000, CLONE_NEWUSER = 0x10000000, CLONE_NEWPID = 0x20000000,
	CLONE_NEWNET = 0x40000000
};

enum { /* mount(2); the flags up to MS_NOEXEC have the same values in statfs(2) */
	MS_RDONLY = 1, MS_NOSUID = 2, MS_NODEV = 4, MS_NOEXEC = 8, MS_REMOUNT = 32,
	MS_NOATIME = 1024, MS_NODIRATIME = 2048, MS_BIND = 4096, MS_REC = 16384,
	MS_SLAVE = 1 << 19, MS_RELATIME = 1 << 21, MS_STRICTATIME = 1 << 24
};
enum { ST_NOATIME = 1024, ST_NODIRATIME = 2048, ST_RELATIME = 4096 };
enum { MNT_DETACH = 2 };

enum { MOUNT_ATTR_RDONLY = 1, MOUNT_ATTR_NOSUID = 2, MOUNT_ATTR_NODEV = 4 };
struct mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

struct statfs { /* the same on both architectures */
	long type, bsize, blocks, bfree, bavail, files, ffree;
	int fsid[2];
	long namelen, frsize, flags, spare[4];
};

enum { /* signal(7) */
	SIGHUP = 1, SIGKILL = 9, SIGALRM = 14, SIGCHLD = 17, SIGCONT = 18, SIGTSTP = 20,
	SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2
};
#define SFD_CLOEXEC O_CLOEXEC
typedef uint64_t sigset; /* the kernel's: 64 signals */
struct sigaction {
	void (*handler)(int); /* NULL is SIG_DFL */
	unsigned long flags;
	void (*restorer)(void);
	sigset mask;
};
struct siginfo { /* the head of siginfo_t and of signalfd_siginfo: both are 128 bytes */
	int signo, error, code;
	char rest[116];
};

enum { WNOHANG = 1, WUNTRACED = 2, WCONTINUED = 8 };
#define WIFSTOPPED(status) (((status) & 0xff) == 0x7f)
#define WIFCONTINUED(status) ((status) == 0xffff)
#define WIFEXITED(status) (((status) & 0x7f) == 0)
#define WEXITSTATUS(status) (((status) >> 8) & 0xff)
#define WTERMSIG(status) ((status) & 0x7f)

struct pollfd {
	int fd;
	short events, revents;
};
enum { POLLIN = 1, POLLHUP = 16 };
struct timespec {
	int64_t seconds, nanoseconds;
};

enum { AF_UNIX = 1, SOCK_SEQPACKET = 5, SOCK_CLOEXEC = O_CLOEXEC };

enum { /* ioctl(2) on a terminal */
	TCGETS = 0x5401, TIOCGPGRP = 0x540f, TIOCSPGRP = 0x5410, TIOCSTI = 0x5412, TIOCLINUX = 0x541c
};

enum { /* prctl(2) */
	PR_SET_PDEATHSIG = 1, PR_SET_DUMPABLE = 4, PR_SET_NAME = 15, PR_CAPBSET_DROP = 24,
	PR_SET_SECCOMP = 22, PR_SET_NO_NEW_PRIVS = 38, PR_CAP_AMBIENT = 47,
	PR_CAP_AMBIENT_CLEAR_ALL = 4
};
#define SECCOMP_MODE_FILTER 2
#define LINUX_CAPABILITY_VERSION_3 0x20080522
struct cap_header {
	uint32_t version;
	int pid;
};
struct cap_data {
	uint32_t effective, permitted, inheritable;
};

struct dirent64 {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

#if defined(__x86_64__)
#include "arch/x86_64.h"
#elif defined(__aarch64__)
#include "arch/aarch64.h"
#else
#error "this architecture is not supported yet: add arch/NAME.h"
#endif

#endif
