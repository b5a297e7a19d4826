/* ptrace(2) for the programs of the container, which are themselves being traced: a thread has one
 * tracer, so that ours stands in for theirs. It keeps a thread in its stop as long as the debugger
 * wants it to be stopped, and does to it what the debugger asks for.
 *
 * Not there: PTRACE_O_TRACESECCOMP, PTRACE_SYSEMU and the requests of CRIU.
 */
#ifndef DEBUGGERS_H
#define DEBUGGERS_H

#include "task.h"

/* The calls that are answered here; they are no part of the shared table. */
extern const struct entry debugger_entries[];
extern const unsigned debugger_entry_count;

/* Each returns whether the thread is kept in its stop: else it goes on. */
int debugger_sees_signal(struct task *task, int signal);
int debugger_sees_trap(struct task *task, int signal);   /* PTRACE_EVENT_STOP */
int debugger_sees_event(struct task *task, int event, uint64_t message);
int debugger_sees_entry(struct task *task);              /* of a system call */
int debugger_sees_exit(struct task *task, int was_changed);
int debugger_sees_program(struct task *task);            /* a new one has been loaded */
/* The new thread or process `child`: event_debugged says whether its debugger gets it too. */
void debugger_inherits(struct task *child, const struct task *parent, int event);
int debugger_sees_child(struct task *child);             /* its first stop */

/* A thread has ended: `status` is of wait4(2). */
void debugger_sees_end(struct task *task, int status);

/* Whether wait4(2) or waitid(2) of `task` would return at once now. */
int debugger_has_news(const struct task *task);

#endif
