/* The part of Linux's system call interface that this project's programs use.
 *
 * The programs are freestanding: they need no libc and no kernel headers, so that any C compiler
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
	EFBIG = 27, ENOSPC = 28, EROFS = 30, ERANGE = 34, ENAMETOOLONG = 36,
	ENOSYS = 38, ELOOP = 40, ELIBBAD = 80, EUSERS = 87, EPROTONOSUPPORT = 93, EAFNOSUPPORT = 97, EDQUOT = 122, ENXIO = 6, EFAULT = 14, ENOTEMPTY = 39, EOPNOTSUPP = 95, ENODATA = 61, ESTALE = 116
};

enum { /* open(2), the flags that are the same everywhere */
	O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_NOCTTY = 0400,
	O_TRUNC = 01000, O_NONBLOCK = 04000, O_ACCMODE = 3,
	O_CLOEXEC = 02000000, O_PATH = 010000000
};
#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_REMOVEDIR 0x200
#define AT_EACCESS 0x200 /* faccessat2(2) */
#define AT_SYMLINK_FOLLOW 0x400
#define AT_NO_AUTOMOUNT 0x800
#define AT_EMPTY_PATH 0x1000
#define AT_STATX_SYNC_TYPE 0x6000
#define AT_RECURSIVE 0x8000
#define F_GETFD 1 /* positive: closed on execve(2) */
#define F_SETFL 4
#define F_DUPFD_CLOEXEC 1030

enum { /* openat2(2) */
	RESOLVE_NO_XDEV = 1, RESOLVE_NO_MAGICLINKS = 2, RESOLVE_NO_SYMLINKS = 4,
	RESOLVE_BENEATH = 8, RESOLVE_IN_ROOT = 16, RESOLVE_CACHED = 32
};
struct open_how {
	uint64_t flags, mode, resolve;
};

#define S_IFMT 0170000
#define S_ISUID 04000
#define S_ISGID 02000
#define S_ISREG(mode) (((mode) & S_IFMT) == 0100000)
enum {
	S_IFIFO = 0010000, S_IFCHR = 0020000, S_IFDIR = 0040000, S_IFBLK = 0060000,
	S_IFREG = 0100000, S_IFLNK = 0120000, S_IFSOCK = 0140000
};
#define S_ISDIR(mode) (((mode) & S_IFMT) == 0040000)
#define S_ISLNK(mode) (((mode) & S_IFMT) == 0120000)

enum { /* clone(2) */
	CLONE_PARENT = 0x8000,
	CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_VFORK = 0x4000,
	CLONE_NEWNS = 0x20000, CLONE_NEWCGROUP = 0x2000000, CLONE_NEWUTS = 0x4000000,
	CLONE_NEWIPC = 0x8000000, CLONE_NEWUSER = 0x10000000, CLONE_NEWPID = 0x20000000,
	CLONE_NEWNET = 0x40000000, CLONE_UNTRACED = 0x800000, CLONE_NEWTIME = 0x80,
	CLONE_NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
	                   CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
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

enum { /* mmap(2) */
	PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_PRIVATE = 2, MAP_FIXED = 16,
	MAP_ANONYMOUS = 32,
	PROT_NONE = 0, PROT_GROWSDOWN = 0x1000000, MAP_NORESERVE = 0x4000,
	MAP_FIXED_NOREPLACE = 0x100000
};

enum { /* signal(7) */
	SIGTRAP = 5, SIGSTOP = 19, SIGTTIN = 21, SIGTTOU = 22,
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
enum { SI_PID_OFFSET = 4 }; /* siginfo_t: who has sent it, in `rest` */

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

enum {
	AF_UNIX = 1, AF_NETLINK = 16, NETLINK_AUDIT = 9, SO_PEERCRED = 17, SOCK_SEQPACKET = 5,
	SOCK_CLOEXEC = O_CLOEXEC
};

enum { /* ioctl(2) on a terminal */
	TCGETS = 0x5401, TIOCGPGRP = 0x540f, TIOCSPGRP = 0x5410, TIOCSTI = 0x5412, TIOCLINUX = 0x541c
};

enum { /* prctl(2) */
	PR_GET_DUMPABLE = 3, PR_GET_KEEPCAPS = 7, PR_SET_KEEPCAPS = 8, PR_CAPBSET_READ = 23,
	PR_GET_SECUREBITS = 27, PR_SET_SECUREBITS = 28, PR_SET_MM = 35, PR_SET_MM_MAP = 14, PR_SET_MM_MAP_SIZE = 15, PR_GET_NO_NEW_PRIVS = 39,
	PR_SET_CHILD_SUBREAPER = 36,
	PR_SET_PDEATHSIG = 1, PR_SET_DUMPABLE = 4, PR_SET_NAME = 15, PR_CAPBSET_DROP = 24,
	PR_SET_SECCOMP = 22, PR_SET_NO_NEW_PRIVS = 38, PR_CAP_AMBIENT = 47,
	PR_CAP_AMBIENT_IS_SET = 1, PR_CAP_AMBIENT_RAISE = 2, PR_CAP_AMBIENT_LOWER = 3,
	PR_CAP_AMBIENT_CLEAR_ALL = 4
};
#define SECCOMP_MODE_FILTER 2
#define LINUX_CAPABILITY_VERSION_1 0x19980330
#define LINUX_CAPABILITY_VERSION_2 0x20071026
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
