/* The threads of the container, and what they share. */
#ifndef TASK_H
#define TASK_H

#include "call.h"
#include "ids.h"
#include "program.h"
#include "registers.h"

enum { MEMORY_SLOTS = 31, SLOT_SIZE = 2 * PATH_MAX + 256 };
/* One slot more is for the arguments of scripts: 2 MiB is the most that execve(2) takes with the
 * usual limit of the stack, the pointers included. */
enum { LARGE_SLOT_SIZE = 1 << 21 };

struct memory { /* of threads and vforked children: CLONE_VM */
	unsigned users;
	uint32_t slots; /* a bit for each of its scratch slots that is in use */
	char exe[PATH_MAX];
};

struct root { /* CLONE_FS */
	unsigned users;
	unsigned mask;
	char chroot[PATH_MAX];
};

enum stage { /* where a thread is with its system call */
	OUTSIDE,   /* the next stop is an entry, if it is one for a system call */
	INSIDE,    /* its result is nobody's business */
	CHANGED,   /* its registers are to be put back when it is done */
	EXECUTING, /* as CHANGED, but if it works there is no way back */
	LOADING,   /* load() is at work, and will say when it is done */
	LEAVING,   /* ... for a debugger, which wants to see the new program's first instruction */
	PAUSED,    /* it waits for a process in a call that never ends, as there is no news yet */
	AGAIN      /* it shall make the call a second time, from exempt_call, and has not yet */
};

struct task {
	struct task *next;
	int tid;
	unsigned char known;     /* its parent's event has been seen: the rest is filled in */
	unsigned char waiting;   /* it is not known, and in its first stop */
	unsigned char begun;     /* it has been let go on from that */
	enum stage stage;
	enum stage then;         /* AGAIN: the stage that follows */
	unsigned char escalated; /* a notification of its is to be treated when it stops */
	uint32_t architecture;   /* P2: AUDIT_ARCH_... of its call, 0 if the kernel does not say */
	short made;              /* number of the last call of the table that it made itself */
	int group_stop;          /* the signal that has stopped it, 0 if it runs */
	struct memory *memory;
	struct root *root;
	struct subject subject;
	struct ids ids;
	uint32_t slots;          /* those of `memory` that its call uses */
	struct registers saved;  /* CHANGED, EXECUTING, AGAIN: before anything was changed */
	unsigned char copied;    /* `saved` is that of its parent, whose call was changed */
	struct call call;        /* CHANGED: for call.after() */
	struct program *program; /* EXECUTING; and then until it has been loaded */

	int parent;              /* the process that has made it, or its process */
	/* debuggers.c: how another process of the container traces it by ptrace(2). */
	int debugger;            /* that process, 0: none */
	uint32_t options;        /* of PTRACE_SETOPTIONS */
	uint32_t passed_on;      /* those that the kernel has been asked for */
	int way;                 /* PTRACE_CONT, PTRACE_SYSCALL or PTRACE_SINGLESTEP: as it goes on */
	int status;              /* of the stop that it is in */
	uint64_t message;        /* PTRACE_GETEVENTMSG */
	unsigned char seized;    /* by PTRACE_SEIZE */
	unsigned char held;      /* it is in a stop for the debugger ... */
	unsigned char reported;  /* ... which wait4(2) has told */
	unsigned char call_stop; /* the stop is one at a system call: enum call_stop */
	unsigned char entered;   /* the debugger has seen the entry of its system call */
	unsigned char executed;  /* it is to see the exit of execve(2) next */
	unsigned char listening; /* PTRACE_LISTEN */
	unsigned char wanted;    /* PTRACE_INTERRUPT: it is to stop */
	unsigned char joined;    /* its first stop is for the debugger, which has its parent */
	unsigned char woken;     /* PAUSED: there is news */
};

struct task *task_find(int tid);
/* A new one that nothing is known of. Ends the program when there is no memory. */
struct task *task_add(int tid);
/* Fills in a task with what its parent has; `flags` are those of clone(2). */
void task_inherit(struct task *child, const struct task *parent, uint64_t flags, int thread);
/* The first: with a memory and a root of its own. */
void task_start(struct task *task, struct container *container, unsigned mask);
/* It has executed a program: a memory of its own. */
void task_renew(struct task *task, const char *exe);
/* Its id is another one: a thread that executes a program gets that of the process. */
void task_rename(struct task *task, int tid);
void task_remove(struct task *task);
/* Calls `visit` for each. It may not add or remove any. */
void task_each(void (*visit)(struct task *task, void *argument), void *argument);

static inline struct task *task_of(const struct subject *subject)
{
	return (struct task *)((char *)subject - offsetof(struct task, subject));
}

/* Memory for one struct program; and back, with what it holds. */
struct program *program_take(void);
void program_give(struct program *program);

#endif
