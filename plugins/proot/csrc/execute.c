/* execve(2): the kernel executes this very program, which loads the one that is meant. */
#include "exempt.h"
#include "text.h"
#include "tracer.h"

struct load_request load_request;
static char execfn[PATH_MAX]; /* AT_EXECFN points here */

enum { ARGUMENTS_AT_ONCE = 512, MOST_ARGUMENTS = 1 << 20 };

/* The number of pointers before the NULL at `array`, or -EFAULT, -E2BIG. */
static long count_arguments(const struct subject *subject, uint64_t array)
{
	for (long n = 0; array && n < MOST_ARGUMENTS; n++) {
		uint64_t pointer;

		if (subject_read(subject, &pointer, array + 8 * (uint64_t)n, 8) < 0)
			return -EFAULT;
		if (!pointer)
			return n;
	}
	return array ? -E2BIG : 0;
}

/* Copies `count` pointers within the program, and ends them with a NULL. 0 or -EFAULT. */
static long copy_arguments(const struct subject *subject, uint64_t to, uint64_t from, size_t count)
{
	uint64_t some[ARGUMENTS_AT_ONCE];

	for (size_t n; count; count -= n) {
		n = count < ARGUMENTS_AT_ONCE ? count : ARGUMENTS_AT_ONCE;
		if (subject_read(subject, some, from, 8 * n) < 0 ||
		    subject_write(subject, to, some, 8 * n) < 0)
			return -EFAULT;
		from += 8 * n;
		to += 8 * n;
	}
	some[0] = 0;
	return subject_write(subject, to, some, 8);
}

/* Writes the arguments of a script's interpreter, and returns in `array` where. */
static long put_arguments(struct task *task, const struct registers *r, size_t *used,
                          uint64_t *array)
{
	const struct program *program = task->program;
	long given = count_arguments(&task->subject, *array);
	uint64_t extra[PROGRAM_EXTRA], to;
	size_t rest;

	if (given < 0)
		return given;
	rest = (size_t)given > program->skip ? (size_t)given - program->skip : 0;
	for (unsigned i = 0; i < program->count; i++) {
		const char *text = program->extra[i];

		extra[i] = scratch_put(task, r, used, text, length(text) + 1);
		if (!extra[i])
			return -E2BIG;
	}
	to = scratch_reserve(task, r, used, 8 * (program->count + rest + 1));
	if (subject_write(&task->subject, to, extra, 8 * program->count) < 0 ||
	    copy_arguments(&task->subject, to + 8 * program->count, *array + 8 * program->skip,
	                   rest) < 0)
		return -E2BIG; /* the stack ends there */
	*array = to;
	return 0;
}

long execute_begin(struct task *task, struct registers *r)
{
	static const char self[] = "/proc/self/exe";
	const struct call *call = &task->call;
	int first = call->number == NR_execveat; /* it has a descriptor before the path */
	uint64_t argv = (uint64_t)call->args[first + 1], envp = (uint64_t)call->args[first + 2];
	size_t used = 0;
	uint64_t path = scratch_put(task, r, &used, self, sizeof self);
	long error = path ? 0 : -ENOMEM;

	if (!error && task->program->count)
		error = put_arguments(task, r, &used, &argv);
	set_call_number(r, NR_execve);
	*argument(r, 0) = path;
	*argument(r, 1) = argv;
	*argument(r, 2) = envp;
	return error;
}

static void describe(struct task *task, struct load_request *request)
{
	const struct program *program = task->program;
	const struct ids *ids = &task->ids;

	memcpy(request->program, program->host, sizeof request->program);
	memcpy(request->interpreter, program->interpreter, sizeof request->interpreter);
	memcpy(request->name, program->name, sizeof request->name);
	request->execfn = (uint64_t)execfn;
	request->secure = (uint32_t)ids_execute(&task->ids, program->mode, program->uid,
	                                        program->gid);
	request->uid = ids->uid;
	request->euid = ids->euid;
	request->gid = ids->gid;
	request->egid = ids->egid;
	request->announce = task->stage == LOADING;
	request->fake_ids = tracer.container.fake_ids;
}

void execute_finish(struct task *task)
{
	static struct load_request request;
	struct program *program = task->program;
	struct registers r;
	int executing = task->stage == EXECUTING;

	task->stage = tracer.filtered && !task->debugger ? OUTSIDE : LOADING;
	tracer.started = 1;
	if (!executing) { /* it has not been asked for: nobody knows what this is */
		sys_kill(task->subject.pid, SIGKILL);
		return;
	}
	describe(task, &request);
	task_renew(task, program->exe);
	if (subject_write(&task->subject, (uint64_t)&load_request, &request, sizeof request) < 0 ||
	    subject_write(&task->subject, (uint64_t)execfn, program->filename,
	                  length(program->filename) + 1) < 0 ||
	    registers_get(task->tid, &r) < 0) {
		sys_kill(task->subject.pid, SIGKILL);
		return;
	}
	*argument(&r, 1) = (uint64_t)&load_request; /* of start() */
	if (registers_set(task->tid, &r) < 0)
		sys_kill(task->subject.pid, SIGKILL);
	if (program->held[0] < 0 && program->held[1] < 0)
		call_loaded(task);
}
