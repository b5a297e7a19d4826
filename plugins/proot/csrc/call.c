/* System calls at ptrace stops. */
#include "calls.h"
#include "debuggers.h"
#include "exempt.h"
#include "text.h"
#include "tracer.h"

__asm__(".pushsection loader_text, \"ax\"\nexempt_call:\n\t" SYSCALL_INSTRUCTION "\n.popsection\n");

static struct scratch scratch;
static struct program *spare; /* for the next EXECUTE */

static const struct entry *own_entry(long number)
{
	for (unsigned i = 0; i < debugger_entry_count; i++)
		if (debugger_entries[i].number == number)
			return &debugger_entries[i];
	return NULL;
}

const struct entry *call_entry(long number, const long args[6])
{
	const struct entry *entry = own_entry(number);

	return entry ? entry : entry_find(&tracer.container, number, args);
}

enum verdict call_handle(struct task *task, long number, const uint64_t args[6], int may_give)
{
	struct call *call = &task->call;
	const struct entry *entry = own_entry(number);
	enum verdict verdict;

	if (!spare)
		spare = program_take();
	call->number = number;
	for (int i = 0; i < 6; i++)
		call->args[i] = (long)args[i];
	call->subject = &task->subject;
	call->scratch = &scratch;
	call->may_give = (unsigned char)may_give;
	call->value = 0;
	call->close_on_exec = 0;
	call->count = 0;
	call->after = NULL;
	call->program = spare;
	spare->why = NULL;
	for (int i = 0; i < 4; i++)
		call->note[i] = 0;
	call_loaded(task);
	task->subject.mask = task->root->mask;
	verdict = entry ? entry->handle(call) : handle(call);
	task->root->mask = task->subject.mask;
	if (verdict == EXECUTE) {
		task->program = spare;
		spare = NULL;
	} else if (!tracer.started) {
		spawn_explain(task, spare->why);
	}
	return verdict;
}

void call_loaded(struct task *task)
{
	if (task->program)
		program_give(task->program);
	task->program = NULL;
}

void call_drop(struct task *task, enum verdict verdict)
{
	if (verdict == EXECUTE)
		call_loaded(task);
	else if (verdict == RUN && task->call.after)
		task->call.after(&task->call, -EINTR);
}

void call_abandon(struct task *task)
{
	if (task->stage == CHANGED || (task->stage == AGAIN && task->then == CHANGED))
		call_drop(task, RUN);
}

/* Ends a process that must not go on with its registers as they are; but -ESRCH says that the thread
 * has been killed already, perhaps by another that has executed a program. */
static long or_end(const struct task *task, long error)
{
	if (error < 0 && error != -ESRCH)
		sys_kill(task->subject.pid, SIGKILL);
	return error;
}

static long put(const struct task *task, const struct registers *r)
{
	return or_end(task, registers_set(task->tid, r));
}

static long get(const struct task *task, struct registers *r)
{
	return or_end(task, registers_get(task->tid, r));
}

int call_is_ours(struct registers *r)
{
	uint64_t at = *instruction(r);

	return at > (uint64_t)__start_loader_text && at <= (uint64_t)__stop_loader_text;
}

/* Makes addresses of the offsets in what was copied to `at`. 0 or -EFAULT. */
static long address_inner(struct task *task, const struct replacement *with, uint64_t at)
{
	for (unsigned i = 0; with->inner >> i; i++) {
		uint64_t word;

		if (!(with->inner >> i & 1))
			continue;
		memcpy(&word, (const char *)with->data + i * sizeof word, sizeof word);
		word += at;
		if (subject_write(&task->subject, at + i * sizeof word, &word, sizeof word) < 0)
			return -EFAULT;
	}
	return 0;
}

/* Copies what replaces arguments into the program. 0 or -EFAULT. */
static long replace_arguments(struct task *task, struct registers *r)
{
	struct call *call = &task->call;
	size_t used = 0;

	for (unsigned i = 0; i < call->count; i++) {
		struct replacement *with = &call->replaced[i];
		uint64_t address = scratch_put(task, r, &used, with->data, with->size);

		if (!address || address_inner(task, with, address) < 0)
			return -EFAULT;
		with->at = address;
		*argument(r, with->argument) = address;
	}
	return 0;
}

/* Sets `r` for what has been decided; returns the new stage. `error` is then the result of a call
 * that is not made: stage OUTSIDE. */
static enum stage apply(struct task *task, enum verdict verdict, struct registers *r, long *value)
{
	struct call *call = &task->call;

	*value = call->value;
	switch (verdict) {
	case RUN:
		set_call_number(r, call->number);
		for (int i = 0; i < 6; i++)
			*argument(r, i) = (uint64_t)call->args[i];
		*value = replace_arguments(task, r);
		if (!*value) {
			task->made = (short)call->number;
			return CHANGED;
		}
		call_drop(task, verdict);
		break;
	case EXECUTE:
		*value = execute_begin(task, r);
		if (!*value)
			return EXECUTING;
		call_drop(task, verdict);
		break;
	case GIVE: /* nobody has asked for one */
		sys_close((int)call->value);
		*value = -EIO;
		break;
	case ANSWER:
		break;
	}
	scratch_free(task);
	return OUTSIDE;
}

static void arguments(struct registers *r, uint64_t args[6])
{
	for (int i = 0; i < 6; i++)
		args[i] = *argument(r, i);
}

/* Whether the call has the numbers of this architecture. i386's are reached from 64-bit code too,
 * by int $0x80; where there is a filter it sees to that. Before Linux 5.3 the code has to tell. */
static int is_native(const struct task *task, struct registers *r)
{
	char code[SYSCALL_SIZE];

	if (tracer.filtered || task->architecture)
		return tracer.filtered || task->architecture == AUDIT_ARCH;
	return is_64_bit(r) &&
	       subject_read(&task->subject, code, *instruction(r) - sizeof code, sizeof code) == 0 &&
	       is_call(code);
}

void call_enter(struct task *task)
{
	struct registers r;
	enum verdict verdict;
	uint64_t args[6];
	long value;

	task->stage = INSIDE;
	if (get(task, &r) < 0)
		return;
	if (call_is_ours(&r) || call_number(&r) < 0)
		return;
	if (!is_native(task, &r)) {
		set_call_number(&r, -1);
		*result(&r) = (uint64_t)-ENOSYS;
		put(task, &r);
		return;
	}
	arguments(&r, args);
	verdict = call_handle(task, call_number(&r), args, 0);
	if (verdict == RUN && untouched(&task->call, call_number(&r), args)) {
		task->made = (short)call_number(&r);
		return;
	}
	task->saved = r;
	task->stage = apply(task, verdict, &r, &value);
	if (task->stage == OUTSIDE) {
		set_call_number(&r, -1); /* it is skipped, and what follows is its end */
		*result(&r) = (uint64_t)value;
		task->stage = INSIDE;
	}
	put(task, &r);
}

void call_repeat(struct task *task)
{
	struct registers r;
	enum verdict verdict;
	uint64_t args[6];
	long value;

	if (get(task, &r) < 0)
		return;
	arguments(&r, args);
	verdict = call_handle(task, call_number(&r), args, 0);
	task->saved = r;
	task->then = apply(task, verdict, &r, &value);
	if (task->then == OUTSIDE) {
		set_call_number(&r, -1);
		*result(&r) = (uint64_t)value;
	} else {
		task->stage = AGAIN;
		call_from(&r, call_number(&r), (uint64_t)exempt_call);
	}
	put(task, &r);
}

void call_cancel(struct task *task)
{
	struct registers r = task->saved, now;

	if (get(task, &now) < 0)
		return;
	keep_direction(&r, &now);
	if (task->stage == AGAIN && task->then != PAUSED)
		call_drop(task, task->then == EXECUTING ? EXECUTE : RUN);
	scratch_free(task);
	task->stage = OUTSIDE;
	call_from(&r, call_number(&task->saved), *instruction(&r) - SYSCALL_SIZE);
	put(task, &r);
}

/* Makes a call in place of the one that has to wait. */
static void pause(struct task *task)
{
	struct registers r = task->saved;

	if (debugger_has_news(task)) {
		call_cancel(task);
		return;
	}
	task->made = (short)task->call.number;
	task->woken = 0;
	task->stage = AGAIN;
	task->then = PAUSED;
	for (int i = 0; i < 4; i++)
		*argument(&r, i) = 0;
	call_from(&r, NR_ppoll, (uint64_t)exempt_call);
	put(task, &r);
}

void call_leave(struct task *task)
{
	struct registers r;
	long value;

	if (task->stage != CHANGED && task->stage != EXECUTING && task->stage != PAUSED) {
		task->stage = OUTSIDE;
		return;
	}
	if (get(task, &r) < 0)
		return;
	keep_direction(&task->saved, &r);
	if (task->stage == PAUSED) {
		call_once_more(&r, &task->saved);
		put(task, &r);
		task->stage = OUTSIDE;
		return;
	}
	value = (long)*result(&r);
	if (task->stage == EXECUTING)
		call_drop(task, EXECUTE);
	else if (task->call.after)
		value = task->call.after(&task->call, value);
	if (value == CALL_PAUSES) {
		pause(task);
		return;
	}
	/* All as it was: a call that the kernel will restart is made, and seen, from the start. */
	r = task->saved;
	*result(&r) = (uint64_t)value;
	put(task, &r);
	scratch_free(task);
	task->stage = OUTSIDE;
}

void call_interrupted(struct task *task)
{
	const struct entry *entry;
	struct registers r;
	long args[6];

	if (get(task, &r) < 0)
		return;
	for (int i = 0; i < 6; i++)
		args[i] = (long)*argument(&r, i);
	if ((long)*result(&r) == -ERESTARTSYS && call_number(&r) != task->made) {
		entry = call_entry(call_number(&r), args);
		if (entry && entry->route == BY_ANSWER) {
			*result(&r) = (uint64_t)-ERESTARTNOINTR;
			put(task, &r);
		}
	}
	task->made = -1;
}
