/* The kernel's interface for tracers: ptrace(2), seccomp(2), seccomp_unotify(2). */
#ifndef TRACING_H
#define TRACING_H

#include "kernel.h"

enum { /* requests of ptrace(2) */
	PTRACE_TRACEME = 0, PTRACE_PEEKDATA = 2, PTRACE_POKEDATA = 5, PTRACE_CONT = 7,
	PTRACE_SINGLESTEP = 9,
	PTRACE_SYSCALL = 24, PTRACE_SETOPTIONS = 0x4200, PTRACE_GETEVENTMSG = 0x4201,
	PTRACE_GETSIGINFO = 0x4202,
	PTRACE_GETREGSET = 0x4204, PTRACE_SETREGSET = 0x4205, PTRACE_SEIZE = 0x4206,
	PTRACE_INTERRUPT = 0x4207, PTRACE_LISTEN = 0x4208, PTRACE_GET_SYSCALL_INFO = 0x420e
};
struct stop_info { /* the head of struct ptrace_syscall_info (Linux 5.3) */
	uint8_t operation, reserved[3];
	uint32_t architecture; /* AUDIT_ARCH_... */
};
enum { PTRACE_SYSCALL_INFO_ENTRY = 1 };
enum { /* options, and the events that they switch on */
	PTRACE_O_TRACESYSGOOD = 1, PTRACE_O_TRACEFORK = 2, PTRACE_O_TRACEVFORK = 4,
	PTRACE_O_TRACECLONE = 8, PTRACE_O_TRACEEXEC = 16, PTRACE_O_TRACESECCOMP = 128,
	PTRACE_O_EXITKILL = 1 << 20
};
#define TRACER_OPTIONS                                                                         \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |                    \
	 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)
enum {
	PTRACE_EVENT_FORK = 1, PTRACE_EVENT_VFORK = 2, PTRACE_EVENT_CLONE = 3,
	PTRACE_EVENT_EXEC = 4, PTRACE_EVENT_SECCOMP = 7, PTRACE_EVENT_STOP = 128
};
#define WSTOPSIG(status) WEXITSTATUS(status)
#define WEVENT(status) ((status) >> 16)
#define WALL 0x40000000 /* __WALL */
#define SI_TKILL (-6)
#define SYSCALL_STOP (SIGTRAP | 0x80)

enum { NT_PRSTATUS = 1, NT_ARM_SYSTEM_CALL = 0x404 };

struct iovec {
	const void *base;
	size_t size;
};

/* Results of a call that the kernel will repeat, or has to be told to; a program never sees them. */
enum { ERESTARTSYS = 512, ERESTARTNOINTR = 513, ERESTART_RESTARTBLOCK = 516 };

static inline long sys_ptrace(long request, int tid, uint64_t address, uint64_t data)
{
	return CALL(ptrace, request, tid, address, data, 0);
}

enum {
	SECCOMP_SET_MODE_FILTER = 1, SECCOMP_FILTER_FLAG_NEW_LISTENER = 8,
	SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32
};
struct instruction { /* struct sock_filter */
	uint16_t code;
	uint8_t if_true, if_false;
	uint32_t k;
};
struct filter { /* struct sock_fprog */
	unsigned short length;
	const struct instruction *instructions;
};
struct seccomp_data {
	int number;
	uint32_t architecture;
	uint64_t instruction_pointer, args[6];
};

struct notification {
	uint64_t id;
	uint32_t tid, flags;
	struct seccomp_data data;
};
struct notification_answer {
	uint64_t id;
	int64_t value;
	int32_t error;
	uint32_t flags;
};
struct notification_descriptor {
	uint64_t id;
	uint32_t flags, fd, new_fd, new_fd_flags;
};
#define SECCOMP_IOCTL_NOTIF_RECV 0xc0502100u
#define SECCOMP_IOCTL_NOTIF_SEND 0xc0182101u
#define SECCOMP_IOCTL_NOTIF_ADDFD 0x40182103u
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS 0x40082104u
enum { SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1 };
enum { SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1, SECCOMP_ADDFD_FLAG_SEND = 2 };

#endif
