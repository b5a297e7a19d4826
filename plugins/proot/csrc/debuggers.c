#include "debuggers.h"

#include "text.h"
#include "tracer.h"

enum { /* more requests of ptrace(2) */
	PTRACE_PEEKTEXT = 1, PTRACE_PEEKUSR = 3, PTRACE_POKETEXT = 4, PTRACE_POKEUSR = 6,
	PTRACE_KILL = 8, PTRACE_ATTACH = 16, PTRACE_DETACH = 17,
	PTRACE_SETSIGINFO = 0x4203, PTRACE_GETSIGMASK = 0x420a, PTRACE_SETSIGMASK = 0x420b
};
#ifdef __x86_64__
enum { PTRACE_GETREGS = 12, PTRACE_SETREGS = 13, PTRACE_GETFPREGS = 14, PTRACE_SETFPREGS = 15 };
enum { REGS_SIZE = sizeof(struct registers), FPREGS_SIZE = 512 };
#endif
enum {
	PTRACE_O_TRACEEXEC_BIT = 1 << PTRACE_EVENT_EXEC,
	OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 |
	          1 << 5 | 1 << 6,
	PASSED_ON = 1 << 5 | 1 << 6 /* PTRACE_O_TRACEVFORKDONE, PTRACE_O_TRACEEXIT */
};
enum { FPREGS_SIZE_MOST = 512, SIGINFO_SIZE = 128, REGISTERS_MOST = 16384, RUSAGE_SIZE = 144 };
enum { WEXITED = 4, WNOWAIT = 0x1000000, P_ALL = 0, P_PID = 1, P_PGID = 2, CLD_EXITED = 1,
       CLD_KILLED = 2, CLD_TRAPPED = 4 };
enum { INFO_HEAD = 24, INFO_EXIT = 9 }; /* bytes of struct ptrace_syscall_info and its exit */
enum call_stop { NO_CALL, CALL_ENTRY, CALL_EXIT }; /* as PTRACE_GET_SYSCALL_INFO names them */

/* Threads that have ended and are not their debugger's children: it is told all the same. */
static struct end {
	int debugger, tid, status;
} ends[1024];
static unsigned end_count;
static unsigned char in_use; /* there has been a debugger */

static int is_stop_signal(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void wake(struct task *task, void *argument)
{
	const int *process = argument;
	enum stage stage = task->stage == AGAIN ? task->then : task->stage;

	if (stage == PAUSED && (!*process || task->subject.pid == *process)) {
		task->woken = 1;
		sys_ptrace(PTRACE_INTERRUPT, task->tid, 0, 0);
	}
}

/* As the kernel does for a tracer. */
static void tell(int debugger)
{
	sys_kill(debugger, SIGCHLD);
	task_each(wake, &debugger);
}

/* Asks the kernel, for a thread in a stop, for the events that only its debugger wants. */
static void pass_options(struct task *task)
{
	uint32_t options = task->options & PASSED_ON;

	if (task->passed_on != options)
		sys_ptrace(PTRACE_SETOPTIONS, task->tid, 0, TRACER_OPTIONS | options);
	task->passed_on = options;
}

/* Keeps the thread in its stop, which is `status` (above the low byte of wait4(2)'s). */
static int hold(struct task *task, int status, enum call_stop call)
{
	pass_options(task);
	task->held = 1;
	task->wanted = 0;
	task->reported = 0;
	task->status = status;
	task->call_stop = (unsigned char)call;
	tell(task->debugger);
	return 1;
}

int debugger_sees_signal(struct task *task, int signal)
{
	return task->debugger && hold(task, signal, NO_CALL);
}

int debugger_sees_trap(struct task *task, int signal)
{
	int news = is_stop_signal(signal) || task->wanted || task->listening;

	if (!task->debugger)
		return 0;
	task->listening = 0;
	if (task->seized)
		return news && hold(task, signal | PTRACE_EVENT_STOP << 8, NO_CALL);
	return is_stop_signal(signal) && hold(task, signal, NO_CALL);
}

int debugger_sees_event(struct task *task, int event, uint64_t message)
{
	if (!task->debugger || !(task->options & 1u << event))
		return 0;
	task->message = message;
	return hold(task, SIGTRAP | event << 8, NO_CALL);
}

static int call_status(const struct task *task)
{
	return task->options & PTRACE_O_TRACESYSGOOD ? SYSCALL_STOP : SIGTRAP;
}

int debugger_sees_entry(struct task *task)
{
	struct registers r;

	if (!task->debugger || task->way != PTRACE_SYSCALL ||
	    registers_get(task->tid, &r) < 0 || call_is_ours(&r))
		return 0;
	task->entered = 1;
	return hold(task, call_status(task), CALL_ENTRY);
}

int debugger_sees_exit(struct task *task, int was_changed)
{
	int entered = task->entered;

	task->entered = 0;
	if (!task->debugger)
		return 0;
	if (task->way == PTRACE_SINGLESTEP && was_changed)
		return hold(task, SIGTRAP, NO_CALL);
	return entered && task->way == PTRACE_SYSCALL && hold(task, call_status(task), CALL_EXIT);
}

/* The execve(2) as the debugger would see it: its event, and then its exit. */
int debugger_sees_program(struct task *task)
{
	struct registers r;

	if (!task->debugger)
		return 0;
	if (registers_get(task->tid, &r) == 0) {
		set_call_number(&r, NR_execve);
		*result(&r) = 0;
		registers_set(task->tid, &r);
	}
	task->executed = task->entered;
	task->entered = 0;
	if (task->options & PTRACE_O_TRACEEXEC_BIT)
		return debugger_sees_event(task, PTRACE_EVENT_EXEC, (uint64_t)task->tid);
	if (!task->seized)
		return hold(task, SIGTRAP, NO_CALL);
	if (task->executed && task->way == PTRACE_SYSCALL) {
		task->executed = 0;
		return hold(task, call_status(task), CALL_EXIT);
	}
	return 0;
}

void debugger_inherits(struct task *child, const struct task *parent, int event)
{
	if (!parent->debugger || !(parent->options & 1u << event))
		return;
	child->debugger = parent->debugger;
	child->options = parent->options;
	child->passed_on = parent->passed_on; /* the kernel does that */
	child->seized = parent->seized;
	child->way = PTRACE_CONT;
	child->joined = 1;
}

int debugger_sees_child(struct task *child)
{
	if (!child->joined)
		return 0;
	child->joined = 0;
	return hold(child, child->seized ? SIGTRAP | PTRACE_EVENT_STOP << 8 : SIGSTOP, NO_CALL);
}

/* The debugger has seen the entry of a system call, which is ours to see next. */
static void proceed(struct task *task)
{
	if (task->call_stop == CALL_ENTRY && !tracer.filtered)
		call_enter(task);
}

static void leave(struct task *task, int signal)
{
	int held = task->held;

	task->debugger = 0;
	task->held = 0;
	task->way = PTRACE_CONT;
	task->executed = 0;
	task->wanted = 0;
	task->joined = 0;
	if (!held)
		return;
	proceed(task);
	task_go_on(task, signal);
}

static void let_go(struct task *task, void *argument)
{
	const int *debugger = argument;

	if (task->debugger != *debugger)
		return;
	if (task->options & PTRACE_O_EXITKILL)
		sys_kill(task->tid, SIGKILL);
	leave(task, 0);
}

void debugger_sees_end(struct task *task, int status)
{
	int anyone = 0;

	if (!in_use)
		return;
	if (task->tid == task->subject.pid) { /* it may have been a debugger */
		task_each(let_go, &task->tid);
		for (unsigned i = 0; i < end_count;)
			if (ends[i].debugger == task->tid)
				ends[i] = ends[--end_count];
			else
				i++;
	}
	/* The kernel tells a parent by itself. */
	if (task->debugger && (task->tid != task->subject.pid || task->parent != task->debugger) &&
	    end_count < sizeof ends / sizeof *ends) {
		ends[end_count++] = (struct end){task->debugger, task->tid, status};
		tell(task->debugger);
	}
	task_each(wake, &anyone);
}

/* Which of the threads a call waits for, and what is found. */
struct search {
	int debugger;
	long which;         /* as the first argument of wait4(2) */
	struct task *stop;  /* one that has news */
	unsigned exists;    /* how many there are at all */
};

static int fits(const struct search *search, int debugger, int tid)
{
	long which = search->which;

	if (debugger != search->debugger)
		return 0;
	if (which == -1 || which == tid)
		return 1;
	if (which > 0)
		return 0;
	return CALL(getpgid, tid, 0, 0, 0, 0) ==
	       (which ? -which : CALL(getpgid, debugger, 0, 0, 0, 0));
}

static void look(struct task *task, void *argument)
{
	struct search *search = argument;

	if (!task->debugger || !fits(search, task->debugger, task->tid))
		return;
	search->exists++;
	if (task->held && !task->reported)
		search->stop = task;
}

static struct end *find_end(const struct search *search)
{
	for (unsigned i = 0; i < end_count; i++)
		if (fits(search, ends[i].debugger, ends[i].tid))
			return &ends[i];
	return NULL;
}

static struct search seek(const struct subject *subject, long which)
{
	struct search search = {subject->pid, which, NULL, 0};

	if (in_use)
		task_each(look, &search);
	return search;
}

/* The next news for a waiting debugger: its thread, and the status of wait4(2); 0 if there is
 * none, -ECHILD if it has nobody to wait for. */
static long news(const struct subject *subject, long which, int stay, int *status)
{
	struct search search = seek(subject, which);
	struct end *end = find_end(&search);
	long tid;

	if (search.stop) {
		search.stop->reported = (unsigned char)!stay;
		*status = search.stop->status << 8 | 0x7f;
		return search.stop->tid;
	}
	if (!end)
		return search.exists ? 0 : -ECHILD;
	tid = end->tid;
	*status = end->status;
	if (!stay)
		*end = ends[--end_count];
	return tid;
}

static long waits_for(const struct call *call)
{
	if (call->number == NR_wait4)
		return (int)call->args[0];
	switch ((int)call->args[0]) {
	case P_ALL: return -1;
	case P_PID: return (int)call->args[1];
	case P_PGID: return -(int)call->args[1];
	default: return INT32_MAX; /* by a descriptor: not ours */
	}
}

int debugger_has_news(const struct task *task)
{
	struct search search = seek(&task->subject, waits_for(&task->call));

	return search.stop || find_end(&search);
}

/* The kernel has been asked for children without waiting for them. */
static long after_wait(struct call *call, long result)
{
	int nobody = result == 0;

	if (call->number == NR_waitid && result == 0 && call->args[2]) {
		int pid = 0;

		subject_read(call->subject, &pid, (uint64_t)call->args[2] + 16, sizeof pid);
		nobody = pid == 0;
	}
	if (result != -ECHILD && !nobody)
		return result;
	return call->note[0] & WNOHANG ? 0 : CALL_PAUSES;
}

static enum verdict ask_kernel(struct call *call, int argument)
{
	call->note[0] = (uint64_t)call->args[argument];
	call->args[argument] |= WNOHANG;
	call->after = after_wait;
	return RUN;
}

static enum verdict call_wait4(struct call *call)
{
	char none[RUSAGE_SIZE] = {0};
	int status;
	long tid = news(call->subject, waits_for(call), 0, &status);

	if (tid == -ECHILD)
		return RUN;
	if (tid == 0)
		return ask_kernel(call, 2);
	if ((call->args[1] && subject_write(call->subject, (uint64_t)call->args[1], &status,
	                                    sizeof status) < 0) ||
	    (call->args[3] && subject_write(call->subject, (uint64_t)call->args[3], none,
	                                    sizeof none) < 0))
		tid = -EFAULT;
	return answer(call, tid);
}

static enum verdict call_waitid(struct call *call)
{
	struct {
		int signo, error, code, pad, pid, uid, status, rest[25];
	} info = {.signo = SIGCHLD};
	int status;
	long tid;

	if (!(call->args[3] & (WUNTRACED | WEXITED)))
		return RUN;
	tid = news(call->subject, waits_for(call), (call->args[3] & WNOWAIT) != 0, &status);
	if (tid == -ECHILD)
		return RUN;
	if (tid == 0)
		return ask_kernel(call, 3);
	info.pid = (int)tid;
	info.uid = (int)call->subject->container->base_uid;
	info.code = WIFSTOPPED(status) ? CLD_TRAPPED : WIFEXITED(status) ? CLD_EXITED : CLD_KILLED;
	info.status = WIFSTOPPED(status) || WIFEXITED(status) ? status >> 8 : WTERMSIG(status);
	if (call->args[2] && subject_write(call->subject, (uint64_t)call->args[2], &info,
	                                   sizeof info) < 0)
		return answer(call, -EFAULT);
	return answer(call, 0);
}

static long set_options(struct task *task, uint64_t options)
{
	if (options & ~(uint64_t)OPTIONS)
		return -EINVAL;
	task->options = (uint32_t)options;
	return 0;
}

static long attach(const struct subject *debugger, struct task *task, int seize, uint64_t options)
{
	long error;

	if (task->debugger || task->subject.pid == debugger->pid)
		return -EPERM;
	error = set_options(task, seize ? options : 0);
	if (error < 0)
		return error;
	in_use = 1;
	task->debugger = debugger->pid;
	task->seized = (unsigned char)seize;
	task->way = PTRACE_CONT;
	task->entered = 0;
	if (task->group_stop) /* out of PTRACE_LISTEN, into a stop that can be reported */
		sys_ptrace(PTRACE_INTERRUPT, task->tid, 0, 0);
	else if (!seize)
		CALL(tgkill, task->subject.pid, task->tid, SIGSTOP, 0, 0);
	return 0;
}

static long trace_me(const struct subject *subject)
{
	struct task *task = task_of(subject), *parent = task_find(task->parent);

	if (task->debugger || !parent)
		return -EPERM;
	in_use = 1;
	task->debugger = task->parent;
	task->seized = 0;
	task->options = 0;
	task->way = PTRACE_CONT;
	return 0;
}

/* Copies `size` bytes that `request` says of the thread to the debugger. */
static long get(const struct subject *debugger, int request, int tid, uint64_t address,
                uint64_t to, size_t size)
{
	char bytes[FPREGS_SIZE_MOST];
	long result_of = sys_ptrace(request, tid, address, (uint64_t)bytes);

	if (result_of < 0)
		return result_of;
	return subject_write(debugger, to, bytes, size);
}

static long set(const struct subject *debugger, int request, int tid, uint64_t address,
                uint64_t from, size_t size)
{
	char bytes[FPREGS_SIZE_MOST];

	if (subject_read(debugger, bytes, from, size) < 0)
		return -EFAULT;
	return sys_ptrace(request, tid, address, (uint64_t)bytes);
}

static long register_set(const struct subject *debugger, int request, int tid, uint64_t kind,
                         uint64_t at)
{
	static char bytes[REGISTERS_MOST];
	struct iovec theirs, ours;
	long error;

	if (subject_read(debugger, &theirs, at, sizeof theirs) < 0)
		return -EFAULT;
	ours = (struct iovec){bytes, theirs.size < sizeof bytes ? theirs.size : sizeof bytes};
	if (request == PTRACE_SETREGSET &&
	    subject_read(debugger, bytes, (uint64_t)theirs.base, ours.size) < 0)
		return -EFAULT;
	error = sys_ptrace(request, tid, kind, (uint64_t)&ours);
	if (error < 0)
		return error;
	if (request == PTRACE_GETREGSET &&
	    subject_write(debugger, (uint64_t)theirs.base, bytes, ours.size) < 0)
		return -EFAULT;
	theirs.size = ours.size;
	return subject_write(debugger, at, &theirs, sizeof theirs);
}

static long call_info(const struct subject *debugger, const struct task *task, uint64_t size,
                      uint64_t to)
{
	struct { /* struct ptrace_syscall_info */
		unsigned char op, pad[3];
		uint32_t architecture;
		uint64_t instruction, stack;
		union {
			struct {
				uint64_t number, args[6];
			} entry;
			struct {
				int64_t value;
				unsigned char is_error;
			} exit;
		} u;
	} info = {.op = task->call_stop, .architecture = AUDIT_ARCH};
	size_t full = INFO_HEAD;
	struct registers r;
	long error = registers_get(task->tid, &r);

	if (error < 0)
		return error;
	info.instruction = *instruction(&r);
	info.stack = stack_pointer(&r);
	if (info.op == CALL_ENTRY) {
		info.u.entry.number = (uint64_t)call_number(&r);
		for (int i = 0; i < 6; i++)
			info.u.entry.args[i] = *argument(&r, i);
		full += sizeof info.u.entry;
	} else if (info.op == CALL_EXIT) {
		info.u.exit.value = (int64_t)*result(&r);
		info.u.exit.is_error = info.u.exit.value < 0 && info.u.exit.value >= -4095;
		full += INFO_EXIT;
	}
	if (subject_write(debugger, to, &info, size < full ? size : full) < 0)
		return -EFAULT;
	return (long)full;
}

/* Lets the thread go on in the way `request` says. */
static long go_on(struct task *task, int request, uint64_t signal)
{
	if (signal > 64)
		return -EIO;
	if (task->executed) {
		task->executed = 0;
		if (request == PTRACE_SYSCALL) {
			task->way = request;
			hold(task, call_status(task), CALL_EXIT);
			return 0;
		}
	}
	task->held = 0;
	task->way = request;
	pass_options(task);
	proceed(task);
	task_go_on(task, (int)signal);
	return 0;
}

static long detach(struct task *task, uint64_t signal)
{
	if (signal > 64)
		return -EIO;
	task->options = 0;
	pass_options(task);
	leave(task, (int)signal);
	return 0;
}

/* A request about a thread that is in a stop. */
static long request_stopped(const struct subject *debugger, struct task *task, long request,
                            uint64_t address, uint64_t data)
{
	uint64_t word = 0;
	long error;

	switch (request) {
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
		return go_on(task, (int)request, data);
	case PTRACE_DETACH:
		return detach(task, data);
	case PTRACE_LISTEN:
		if (!task->seized || task->status >> 8 != PTRACE_EVENT_STOP)
			return -EIO;
		task->held = 0;
		task->listening = 1;
		return sys_ptrace(PTRACE_LISTEN, task->tid, 0, 0);
	case PTRACE_SETOPTIONS:
		return set_options(task, data);
	case PTRACE_GETEVENTMSG:
		return subject_write(debugger, data, &task->message, sizeof task->message);
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
	case PTRACE_PEEKUSR:
		error = sys_ptrace(request, task->tid, address, (uint64_t)&word);
		return error < 0 ? error : subject_write(debugger, data, &word, sizeof word);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
	case PTRACE_POKEUSR:
		return sys_ptrace(request, task->tid, address, data);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return register_set(debugger, (int)request, task->tid, address, data);
#ifdef __x86_64__
	case PTRACE_GETREGS:
		return get(debugger, (int)request, task->tid, 0, data, REGS_SIZE);
	case PTRACE_SETREGS:
		return set(debugger, (int)request, task->tid, 0, data, REGS_SIZE);
	case PTRACE_GETFPREGS:
		return get(debugger, (int)request, task->tid, 0, data, FPREGS_SIZE);
	case PTRACE_SETFPREGS:
		return set(debugger, (int)request, task->tid, 0, data, FPREGS_SIZE);
#endif
	case PTRACE_GETSIGINFO:
		return get(debugger, (int)request, task->tid, 0, data, SIGINFO_SIZE);
	case PTRACE_SETSIGINFO:
		return set(debugger, (int)request, task->tid, 0, data, SIGINFO_SIZE);
	case PTRACE_GETSIGMASK:
		return address != sizeof(sigset) ? -EINVAL :
		       get(debugger, (int)request, task->tid, address, data, sizeof(sigset));
	case PTRACE_SETSIGMASK:
		return address != sizeof(sigset) ? -EINVAL :
		       set(debugger, (int)request, task->tid, address, data, sizeof(sigset));
	case PTRACE_GET_SYSCALL_INFO:
		return call_info(debugger, task, address, data);
	default:
		return -EIO;
	}
}

static enum verdict call_ptrace(struct call *call)
{
	long request = call->args[0];
	const struct subject *debugger = call->subject;
	struct task *task;

	if (request == PTRACE_TRACEME)
		return answer(call, trace_me(debugger));
	task = task_find((int)call->args[1]);
	if (!task || !task->known)
		return answer(call, -ESRCH);
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		return answer(call, attach(debugger, task, request == PTRACE_SEIZE,
		                           (uint64_t)call->args[3]));
	if (task->debugger != debugger->pid)
		return answer(call, -ESRCH);
	if (request == PTRACE_KILL)
		return answer(call, sys_kill(task->tid, SIGKILL));
	if (request == PTRACE_INTERRUPT) {
		if (!task->seized)
			return answer(call, -EIO);
		if (task->held)
			return answer(call, 0);
		task->wanted = 1;
		return answer(call, sys_ptrace(PTRACE_INTERRUPT, task->tid, 0, 0));
	}
	if (!task->held)
		return answer(call, -ESRCH);
	return answer(call, request_stopped(debugger, task, request, (uint64_t)call->args[2],
	                                    (uint64_t)call->args[3]));
}

const struct entry debugger_entries[] = {
	{.number = NR_ptrace, .route = BY_ANSWER, .handle = call_ptrace},
	{.number = NR_wait4, .route = BY_ANSWER, .handle = call_wait4},
	{.number = NR_waitid, .route = BY_ANSWER, .handle = call_waitid},
};
const unsigned debugger_entry_count = sizeof debugger_entries / sizeof *debugger_entries;
