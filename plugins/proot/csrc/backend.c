/* The rest of what handlers need of the tracer (subject.h). */
#include "subject.h"
#include "task.h"
#include "text.h"

enum { PIDFD_THREAD = 0200 };

long subject_borrow(const struct subject *subject, int fd)
{
	long process = -EINVAL, ours;

	if (subject->tid != subject->pid) /* Linux 6.9; the first thread may have ended */
		process = CALL(pidfd_open, subject->tid, PIDFD_THREAD, 0, 0, 0);
	if (process == -EINVAL)
		process = CALL(pidfd_open, subject->pid, 0, 0, 0, 0);
	if (process < 0)
		return process;
	ours = CALL(pidfd_getfd, process, fd, 0, 0, 0);
	sys_close((int)process);
	return ours;
}

void subject_release(const struct subject *subject, int fd)
{
	(void)subject;
	sys_close(fd);
}

void subject_use_mask(const struct subject *subject)
{
	static unsigned now = ~0u;

	if (now != subject->mask)
		CALL(umask, now = subject->mask, 0, 0, 0, 0);
}

const struct subject *subject_find(const struct subject *asking, int pid)
{
	const struct task *task = task_find(pid);

	(void)asking;
	return task && task->known ? &task->subject : NULL;
}

int subject_tracer(const struct subject *subject)
{
	return task_of(subject)->debugger;
}

long subject_set_chroot(struct subject *subject, const char *path)
{
	return join(task_of(subject)->root->chroot, PATH_MAX, path, NULL);
}

struct killing {
	int signal, spared;
	long result;
};

static void kill_one(struct task *task, void *argument)
{
	struct killing *killing = argument;

	if (task->known && task->tid == task->subject.pid && task->tid != killing->spared &&
	    sys_kill(task->tid, killing->signal) >= 0)
		killing->result = 0;
}

long subject_kill_all(const struct subject *asking, int signal)
{
	struct killing killing = {signal, asking->pid, -ESRCH};

	if (signal < 0 || signal > 64)
		return -EINVAL;
	task_each(kill_one, &killing);
	return killing.result;
}
