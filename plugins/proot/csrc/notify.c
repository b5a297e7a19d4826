/* Calls that the filter has turned into notifications: they are answered without a ptrace stop. */
#include "text.h"
#include "tracer.h"

static void send(uint64_t id, long value, uint32_t flags)
{
	struct notification_answer answer = {.id = id, .flags = flags};

	if (value < 0 && value > -PATH_MAX)
		answer.error = (int32_t)value;
	else
		answer.value = value;
	/* It fails when the thread has been killed: nobody waits for the answer then. */
	sys_ioctl(tracer.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

/* Hands over descriptor `fd`. False if that is not possible for this kind (O_PATH). */
static int give(uint64_t id, int fd, int close_on_exec)
{
	struct notification_descriptor descriptor = {
		.id = id, .flags = SECCOMP_ADDFD_FLAG_SEND, .fd = (uint32_t)fd,
		.new_fd_flags = close_on_exec ? O_CLOEXEC : 0,
	};
	long error = sys_ioctl(tracer.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &descriptor);

	sys_close(fd);
	if (error < 0 && error != -EBADF)
		send(id, error, 0);
	return error != -EBADF;
}

/* Stops the thread in order to treat its call by way of ptrace: with the answer it comes to the
 * stop before anything else can happen to it. */
static void escalate(struct task *task, uint64_t id)
{
	task->escalated = 1;
	sys_ptrace(PTRACE_INTERRUPT, task->tid, 0, 0);
	send(id, -ENOSYS, 0);
}

void notification_answer(void)
{
	static struct notification notification;
	struct task *task;
	enum verdict verdict;

	memset(&notification, 0, sizeof notification);
	if (sys_ioctl(tracer.listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0)
		return; /* the thread has been killed, or interrupted */
	task = task_find((int)notification.tid);
	if (!task || !task->known) {
		send(notification.id, -ENOSYS, 0);
		return;
	}
	verdict = call_handle(task, notification.data.number, notification.data.args, 1);
	task->made = -1;
	if (verdict == ANSWER) {
		send(notification.id, task->call.value, 0);
	} else if (verdict == GIVE) {
		if (!give(notification.id, (int)task->call.value, task->call.close_on_exec))
			escalate(task, notification.id);
	} else if (verdict == RUN && untouched(&task->call, notification.data.number,
	                                       notification.data.args)) {
		task->made = (short)notification.data.number;
		send(notification.id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
	} else {
		call_drop(task, verdict);
		escalate(task, notification.id);
	}
}
