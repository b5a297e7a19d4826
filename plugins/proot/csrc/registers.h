/* The registers of a stopped thread, as far as system calls are concerned. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "tracing.h"

#if defined(__x86_64__)

struct registers { /* struct user_regs_struct */
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax,
		rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

enum { SYSCALL_SIZE = 2 }; /* bytes of the instruction */
#define SYSCALL_INSTRUCTION "syscall"
#define SYSCALL_BYTES 0x0f, 0x05
#define INT_80(code) ((code)[0] == (char)0xcd && (code)[1] == (char)0x80)

static inline uint64_t *argument(struct registers *r, int i)
{
	uint64_t *all[] = {&r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9};

	return all[i];
}
static inline uint64_t *instruction(struct registers *r) { return &r->rip; }
static inline uint64_t *result(struct registers *r) { return &r->rax; }
static inline uint64_t stack_pointer(const struct registers *r) { return r->rsp; }
static inline long call_number(const struct registers *r) { return (int)r->orig_rax; }
static inline void set_call_number(struct registers *r, long n) { r->orig_rax = (uint64_t)n; }
static inline int is_64_bit(const struct registers *r) { return r->cs == 0x33; }
static inline void keep_direction(struct registers *r, const struct registers *now)
{
	(void)r;
	(void)now;
}

/* Lets the thread make the system call `n` with its next instruction, at `where`. */
static inline void call_from(struct registers *r, long n, uint64_t where)
{
	r->orig_rax = (uint64_t)-1;
	r->rax = (uint64_t)n;
	r->rip = where;
}

/* Lets the thread, which is `r` at the exit of another call, make that of `saved` once more unless
 * a signal has come whose handler wants to interrupt it. */
static inline void call_once_more(struct registers *r, const struct registers *saved)
{
	*r = *saved;
	r->rax = (uint64_t)-ERESTARTSYS;
}

#elif defined(__aarch64__)

struct registers { /* struct user_pt_regs, and what NT_ARM_SYSTEM_CALL has */
	uint64_t x[31], sp, pc, pstate;
	int number, former_number;
};

enum { SYSCALL_SIZE = 4 };
#define SYSCALL_INSTRUCTION "svc 0"
#define SYSCALL_BYTES 0x01, 0x00, 0x00, (char)0xd4
#define INT_80(code) 0

static inline uint64_t *argument(struct registers *r, int i) { return &r->x[i]; }
static inline uint64_t *instruction(struct registers *r) { return &r->pc; }
static inline uint64_t *result(struct registers *r) { return &r->x[0]; }
static inline uint64_t stack_pointer(const struct registers *r) { return r->sp; }
static inline long call_number(const struct registers *r) { return r->number; }
static inline void set_call_number(struct registers *r, long n) { r->number = (int)n; }
static inline int is_64_bit(const struct registers *r) { return !(r->pstate & 0x10); }
/* In a stop at a system call the kernel shows in x7 which one it is, and puts x7 back only when that
 * goes on: what `r` has of such a stop is not for any other, which `now` is of. */
static inline void keep_direction(struct registers *r, const struct registers *now)
{
	r->x[7] = now->x[7];
}

static inline void call_from(struct registers *r, long n, uint64_t where)
{
	r->x[8] = (uint64_t)n;
	r->pc = where;
}

/* The kernel would restart it with the first argument that it has remembered of the other. */
static inline void call_once_more(struct registers *r, const struct registers *saved)
{
	int former_number = r->number;

	*r = *saved;
	call_from(r, saved->number, saved->pc - SYSCALL_SIZE);
	r->former_number = former_number;
	r->number = -1;
}

#endif

/* Whether the bytes are the instruction for a system call of this architecture. */
static inline int is_call(const char code[SYSCALL_SIZE])
{
	static const char call[] = {SYSCALL_BYTES};

	for (unsigned i = 0; i < sizeof call; i++)
		if (code[i] != call[i])
			return 0;
	return 1;
}

/* The registers of a thread in a ptrace stop. 0 or a negative errno: -ESRCH when it was killed. */
static inline long registers_get(int tid, struct registers *r)
{
#ifdef __aarch64__
	struct iovec number = {&r->number, sizeof r->number};
	struct iovec all = {r, offsetof(struct registers, number)};
	long error = sys_ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, (uint64_t)&all);

	if (!error)
		error = sys_ptrace(PTRACE_GETREGSET, tid, NT_ARM_SYSTEM_CALL, (uint64_t)&number);
	r->former_number = r->number;
	return error;
#else
	struct iovec all = {r, sizeof *r};

	return sys_ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, (uint64_t)&all);
#endif
}

static inline long registers_set(int tid, const struct registers *r)
{
#ifdef __aarch64__
	struct iovec number = {&r->number, sizeof r->number};
	struct iovec all = {r, offsetof(struct registers, number)};
	long error = sys_ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, (uint64_t)&all);

	if (!error && r->number != r->former_number)
		error = sys_ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, (uint64_t)&number);
	return error;
#else
	struct iovec all = {r, sizeof *r};

	return sys_ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, (uint64_t)&all);
#endif
}

#endif
