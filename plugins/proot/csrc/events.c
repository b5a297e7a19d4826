/* The loop: what happens to the threads, and what signals come for the tracer. */
#include "debuggers.h"
#include "jobs.h"
#include "text.h"
#include "tracer.h"

enum { PROC_PATH_SIZE = 16 + DECIMAL_SIZE, PROC_STAT_SIZE = 256 };

/* Whether the next instruction of the thread makes a system call. A single step over it would not
 * be seen where no filter looks at it. */
static int is_at_call(const struct task *task)
{
	struct registers r;
	char code[SYSCALL_SIZE];

	if (registers_get(task->tid, &r) < 0 ||
	    subject_read(&task->subject, code, *instruction(&r), sizeof code) < 0)
		return 0;
	return is_call(code) || INT_80(code);
}

void task_go_on(struct task *task, int signal)
{
	int stepping = task->debugger && task->way == PTRACE_SINGLESTEP;
	long request;

	if (tracer.filtered && task->stage == INSIDE)
		task->stage = OUTSIDE;
	if (task->stage == LOADING)
		request = PTRACE_CONT;
	else if (task->stage == LEAVING)
		request = PTRACE_SINGLESTEP;
	else if (task->stage != OUTSIDE || (task->debugger && task->way == PTRACE_SYSCALL))
		request = PTRACE_SYSCALL;
	else if (tracer.filtered)
		request = stepping ? PTRACE_SINGLESTEP : PTRACE_CONT;
	else
		request = stepping && !is_at_call(task) ? PTRACE_SINGLESTEP : PTRACE_SYSCALL;
	if (task->wanted) /* another stop than that has been in between */
		sys_ptrace(PTRACE_INTERRUPT, task->tid, 0, 0);
	sys_ptrace(request, task->tid, 0, (uint64_t)signal);
}

/* The flags of clone(2) for the call that `parent` is in. */
static uint64_t clone_flags(const struct task *parent, int event)
{
	struct registers r;
	uint64_t flags = 0;

	if (registers_get(parent->tid, &r) < 0)
		return 0;
	if (call_number(&r) == NR_clone)
		return *argument(&r, 0);
	if (call_number(&r) == NR_clone3)
		subject_read(&parent->subject, &flags, *argument(&r, 0), sizeof flags);
	else if (event == PTRACE_EVENT_VFORK)
		flags = CLONE_VM | CLONE_VFORK;
	return flags;
}

/* It has begun with the registers that its parent's changed call had. */
static void put_back(struct task *task)
{
	struct registers r;

	if (registers_get(task->tid, &r) < 0)
		return;
	for (int i = 0; i < 6; i++)
		*argument(&r, i) = *argument(&task->saved, i);
	*result(&r) = 0;
	*instruction(&r) = *instruction(&task->saved);
	registers_set(task->tid, &r);
	task->copied = 0;
}

static void first_stop(struct task *task)
{
	task->waiting = 0;
	task->begun = 1;
	if (task->copied)
		put_back(task);
	if (!debugger_sees_child(task))
		task_go_on(task, 0);
}

/* Returns its id, 0 if it is gone. */
static int child_appears(struct task *parent, int event)
{
	unsigned long tid = 0;
	struct task *child;
	uint64_t flags = clone_flags(parent, event);
	int thread;

	if (sys_ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, (uint64_t)&tid) < 0 || !tid)
		return 0;
	child = task_find((int)tid);
	if (!child)
		child = task_add((int)tid);
	if (child->known)
		return (int)tid;
	thread = CALL(tgkill, parent->subject.pid, tid, 0, 0, 0) >= 0;
	task_inherit(child, parent, flags, thread);
	child->saved = parent->saved;
	child->copied = parent->stage == CHANGED;
	child->parent = thread || flags & CLONE_PARENT ? parent->parent : parent->subject.pid;
	debugger_inherits(child, parent, event);
	if (child->waiting)
		first_stop(child);
	return (int)tid;
}

static void forget(struct task *task)
{
	call_abandon(task);
	task_remove(task);
}

static void executed(struct task *task)
{
	static int inherited = 1;
	unsigned long former = 0;

	sys_ptrace(PTRACE_GETEVENTMSG, task->tid, 0, (uint64_t)&former);
	if (former && (int)former != task->tid) { /* a thread that was not the leader */
		struct task *thread = task_find((int)former);
		int leader = task->tid;

		if (!thread) {
			sys_kill(leader, SIGKILL);
			return;
		}
		forget(task);
		task_rename(thread, leader);
		task = thread;
	}
	execute_finish(task);
	task_go_on(task, 0);
	if (inherited) {
		release_inherited();
		inherited = 0;
	}
}

static int stops(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void repeat(struct task *task)
{
	task->escalated = 0;
	call_repeat(task);
}

/* PTRACE_EVENT_STOP: the first stop of a new thread, one that was asked for, or that of its whole
 * process by a signal, in which it is left. */
static void trapped(struct task *task, int signal)
{
	task->group_stop = stops(signal) ? signal : 0;
	if (!task->begun) {
		first_stop(task);
		return;
	}
	if (task->escalated)
		repeat(task);
	else if (task->stage == AGAIN && task->then == PAUSED)
		call_cancel(task);
	if (debugger_sees_trap(task, signal))
		return;
	if (!stops(signal)) {
		task_go_on(task, 0);
		return;
	}
	sys_ptrace(PTRACE_LISTEN, task->tid, 0, 0);
	if (task->tid == tracer.first)
		jobs_stopped();
}

/* Whether SIGSTOP comes from load(), which says so that it is done. */
static int has_loaded(const struct task *task)
{
	struct siginfo info;
	struct registers r;
	int sender;

	if (sys_ptrace(PTRACE_GETSIGINFO, task->tid, 0, (uint64_t)&info) < 0 ||
	    info.code != SI_TKILL || registers_get(task->tid, &r) < 0 || !call_is_ours(&r))
		return 0;
	memcpy(&sender, info.rest + SI_PID_OFFSET, sizeof sender);
	return sender == task->subject.pid;
}

/* A new program is about to begin, for a debugger: the loader's last steps. */
static void leave_loader(struct task *task)
{
	struct registers r;

	if (registers_get(task->tid, &r) == 0 && !call_is_ours(&r)) {
		task->stage = OUTSIDE;
		if (debugger_sees_program(task))
			return;
	}
	task_go_on(task, 0);
}

/* A signal is about to be delivered. */
static void signalled(struct task *task, int signal)
{
	if (signal == SIGSTOP && has_loaded(task)) {
		task->stage = task->debugger ? LEAVING : OUTSIDE;
		call_loaded(task);
		task_go_on(task, 0);
		return;
	}
	if (task->stage == LEAVING && signal == SIGTRAP) {
		leave_loader(task);
		return;
	}
	/* Nothing may keep it from being followed. */
	if (task->stage == LOADING && stops(signal))
		task->stage = OUTSIDE;
	if (task->stage == AGAIN && signal == SIGTRAP && task->way == PTRACE_SINGLESTEP) {
		task_go_on(task, 0); /* the step is done when the call is */
		return;
	}
	if (task->stage == AGAIN)
		call_cancel(task);
	else if (tracer.listener >= 0)
		call_interrupted(task);
	if (!debugger_sees_signal(task, signal))
		task_go_on(task, signal);
}

/* Whether a stop at a system call is before it. The kernel says so since Linux 5.3; older ones leave
 * the message of some former event in PTRACE_GETEVENTMSG. */
static int is_entry(struct task *task)
{
	struct stop_info info;

	if (tracer.filtered)
		return task->stage == OUTSIDE && !task->entered;
	task->architecture = 0;
	if (sys_ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof info, (uint64_t)&info) < 0)
		return task->stage == OUTSIDE;
	task->architecture = info.architecture;
	return info.operation == PTRACE_SYSCALL_INFO_ENTRY;
}

/* A stop at a system call. */
static void at_call(struct task *task)
{
	int entry = is_entry(task);
	int changed = task->stage == CHANGED;

	if (task->stage == AGAIN) { /* the entry of the repeated one */
		task->stage = task->then;
		if (task->stage == PAUSED && task->woken)
			sys_ptrace(PTRACE_INTERRUPT, task->tid, 0, 0);
	} else if (entry && !task->escalated) {
		if (debugger_sees_entry(task))
			return;
		if (!tracer.filtered)
			call_enter(task);
	} else {
		if (task->escalated) /* this stop is in place of the one that was asked for */
			repeat(task);
		else
			call_leave(task);
		if (task->stage == OUTSIDE && debugger_sees_exit(task, changed))
			return;
	}
	task_go_on(task, 0);
}

static void stopped(struct task *task, int status)
{
	int signal = WSTOPSIG(status);
	uint64_t message = 0;

	if (!task->known) {
		task->waiting = 1;
		return;
	}
	switch (WEVENT(status)) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		message = (uint64_t)child_appears(task, WEVENT(status));
		if (!debugger_sees_event(task, WEVENT(status), message))
			task_go_on(task, 0);
		break;
	case PTRACE_EVENT_EXEC:
		executed(task);
		break;
	case PTRACE_EVENT_SECCOMP:
		call_enter(task);
		if (tracer.filter_first && (task->stage == CHANGED || task->stage == EXECUTING)) {
			task->then = task->stage;
			task->stage = AGAIN; /* its entry is still to come */
		}
		task_go_on(task, 0);
		break;
	case PTRACE_EVENT_STOP:
		trapped(task, signal);
		break;
	case 0:
		if (signal == SYSCALL_STOP)
			at_call(task);
		else
			signalled(task, signal);
		break;
	default: /* those that only debuggers ask for */
		sys_ptrace(PTRACE_GETEVENTMSG, task->tid, 0, (uint64_t)&message);
		if (!debugger_sees_event(task, WEVENT(status), message))
			task_go_on(task, 0);
	}
}

static void kill_task(struct task *task, void *argument)
{
	(void)argument;
	sys_kill(task->tid, SIGKILL);
}

/* Whether the process is our own child: it has no other parent any more. */
static int is_orphan(int pid)
{
	char path[PROC_PATH_SIZE], digits[DECIMAL_SIZE], text[PROC_STAT_SIZE];
	long fd, n, at;

	join(path, sizeof path, "/proc/", decimal(digits, (uint64_t)pid), "/stat", NULL);
	fd = sys_open(path, O_RDONLY);
	n = fd < 0 ? fd : sys_read((int)fd, text, sizeof text - 1);
	sys_close((int)fd);
	if (n < 0)
		return 0;
	text[n] = 0;
	for (at = n; at > 0 && text[at] != ')';) /* "PID (NAME) STATE PARENT " */
		at--;
	return at + 4 < n && number(text + at + 4, ' ', 10) == CALL(getpid, 0, 0, 0, 0, 0);
}

/* A parent that was killed in fork(2) does not tell of its child, which waits in its first stop
 * then. Nobody knows what it has inherited: it ends like its parent. */
static void kill_orphan(struct task *task, void *argument)
{
	(void)argument;
	if (!task->known && task->waiting && is_orphan(task->tid))
		sys_kill(task->tid, SIGKILL);
}

/* Takes the next signal that has come for the tracer. False if there is none. */
static int take_signal(void)
{
	static const sigset all = ~(sigset)0;
	static const struct timespec now;
	struct siginfo info;

	if (CALL(rt_sigtimedwait, &all, &info, &now, sizeof all, 0) <= 0)
		return 0;
	jobs_signal(&info);
	return 1;
}

/* Serves what has happened until now. Whether the first program has ended; `status` is how. */
static int serve_stops(int *status)
{
	int now;
	long tid;

	while ((tid = sys_wait(-1, &now, WNOHANG | WALL)) > 0) {
		struct task *task = task_find((int)tid);

		if (WIFSTOPPED(now)) {
			stopped(task ? task : task_add((int)tid), now);
		} else if (tid == tracer.first) {
			forget(task);
			*status = now;
			return 1;
		} else if (task) {
			while (take_signal()) /* as long as we know whether it has sent it */
				;
			if (task->known)
				debugger_sees_end(task, now);
			forget(task);
			if (!WIFEXITED(now))
				task_each(kill_orphan, NULL);
		}
	}
	return 0;
}

enum { PATIENCE = 50, STEP = 100 * 1000 * 1000 }; /* times nanoseconds: 5 s */

static void abandon(struct task *task, void *argument)
{
	(void)argument;
	call_abandon(task);
}

/* Ends what is left, and waits until it is gone. */
static void end_all(int signals)
{
	struct pollfd signal = {signals, POLLIN, 0};
	struct timespec step = {0, STEP};
	struct siginfo info;
	int status;
	long tid = 0;

	for (int i = 0; i < PATIENCE && tid >= 0; i++) {
		task_each(kill_task, NULL);
		while ((tid = sys_wait(-1, &status, WNOHANG | WALL)) > 0) {
			struct task *task = task_find((int)tid);

			if (task && !WIFSTOPPED(status))
				forget(task);
		}
		if (tid < 0)
			break;
		if (CALL(ppoll, &signal, 1, &step, NULL, 0) > 0)
			sys_read(signals, &info, sizeof info);
	}
	task_each(abandon, NULL);
}

/* Waits until something has happened to a thread, and answers notifications. */
static void await(int signals)
{
	static const sigset all = ~(sigset)0;
	struct pollfd events[2] = {{signals, POLLIN, 0}, {tracer.listener, POLLIN, 0}};
	struct siginfo info;

	if (tracer.listener < 0) {
		if (CALL(rt_sigtimedwait, &all, &info, NULL, sizeof all, 0) > 0)
			jobs_signal(&info);
	} else {
		do {
			CALL(ppoll, events, 2, NULL, NULL, 0);
			if (events[1].revents & POLLIN)
				notification_answer();
			else if (events[1].revents & POLLHUP)
				tracer.listener = events[1].fd = -1; /* nobody has the filter */
		} while (!(events[0].revents & POLLIN));
		take_signal();
	}
}

int events_serve(int signals)
{
	int status;

	task_find(tracer.first)->begun = 1;
	task_go_on(task_find(tracer.first), 0);
	while (!serve_stops(&status))
		await(signals);
	end_all(signals);
	return status;
}
