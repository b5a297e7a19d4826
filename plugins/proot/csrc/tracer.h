/* What the tracer is doing, and its modules. */
#ifndef TRACER_H
#define TRACER_H

#include "task.h"

struct tracer {
	struct container container;
	unsigned char filtered;  /* P1: a filter chooses the calls that stop; P2: all stop */
	unsigned char filter_first; /* before Linux 4.8 the filter's stop comes before the entry's */
	int listener;            /* for notifications, -1 without */
	int first;               /* process id of the first program */
	unsigned char started;   /* it has been executed */
};
extern struct tracer tracer;

/* Whether the program can make its call as it is, and nobody has to look at the result. */
static inline int untouched(const struct call *call, long number, const uint64_t args[6])
{
	if (call->count || call->after || call->number != number)
		return 0;
	for (int i = 0; i < 6; i++)
		if ((uint64_t)call->args[i] != args[i])
			return 0;
	return 1;
}

/* call.c: a thread is in a ptrace stop for a system call. They leave it there. */
void call_enter(struct task *task);  /* it is about to make it */
void call_leave(struct task *task);  /* it has made it */
void call_repeat(struct task *task); /* a notification could not do: it makes it once more */
void call_cancel(struct task *task); /* ... but a signal comes first */
/* What call.after() returns if the program has to wait: until there is a signal, or it is stopped by
 * PTRACE_INTERRUPT; then its call is made once more from the start. */
#define CALL_PAUSES (-1000)
/* The entry that counts for a call, in the shared table or in that of the tracer. */
const struct entry *call_entry(long number, const long args[6]);
/* A signal is about to be delivered. If it has interrupted a notification that nobody had looked at
 * yet, the program shall not see that: it would be told that stat(2) was interrupted. */
void call_interrupted(struct task *task);
/* Whether they are in the midst of our own program, its loader. */
int call_is_ours(struct registers *r);
/* Decides about `number` with `args`; task->call has the outcome. */
enum verdict call_handle(struct task *task, long number, const uint64_t args[6], int may_give);
/* It has loaded its program: forgets what of. */
void call_loaded(struct task *task);
/* Frees what the decision took when it is not used. */
void call_drop(struct task *task, enum verdict verdict);
/* The thread is gone: what its call was to leave as it was is put back all the same. */
void call_abandon(struct task *task);

/* execute.c */
/* Lets `task` execute our own program in place of that of task->call: sets `r`. 0, or the error
 * that the call shall have. */
long execute_begin(struct task *task, struct registers *r);
/* It has: says what load() shall do. Kills the process if that cannot be said. */
void execute_finish(struct task *task);

/* scratch.c: memory in the program that it does not use. */
/* Copies data there and returns the address, 0 if there is none. `used` is what of the stack has
 * been taken for the same call. */
uint64_t scratch_put(struct task *task, const struct registers *r, size_t *used, const void *data,
                     size_t size);
uint64_t scratch_reserve(struct task *task, const struct registers *r, size_t *used, size_t size);
void scratch_free(struct task *task);

/* memory.c */
/* Whether the memory of a traced process can be reached while it is not stopped. */
int memory_is_near(int pid);

/* notify.c */
void notification_answer(void); /* the listener is readable */

/* events.c */
/* Lets a stopped thread go on, with `signal` if that is not 0. */
void task_go_on(struct task *task, int signal);
/* Starts serving: follows all until the first program has ended, and returns its wait status. */
int events_serve(int signals);

/* spawn.c */
struct command {
	char **argv, **envp;
	const char *file;      /* what to execute, NULL: argv[0], which is searched for */
	const char *directory; /* container path */
	const sigset *mask;    /* the program's signal mask */
	const struct sigaction *child; /* what it does about SIGCHLD */
};
/* Makes the process of the first program, which is stopped and followed when this returns. `filter`
 * says whether mode P1 is wanted. */
void spawn(const struct command *command, int filter);
/* What the environment has after `name`, which ends with "="; NULL if it does not have it. */
const char *variable(char **envp, const char *name);
/* Tells the process of the first program why it could not be executed. */
void spawn_explain(const struct task *task, const char *why);
/* Gives up the descriptors that were inherited for the program, now that it has them. */
void release_inherited(void);

#endif
