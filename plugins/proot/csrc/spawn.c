#include "filter.h"
#include "text.h"
#include "tracer.h"

/* What the new process tells the tracer, which reads it in its memory. */
static struct {
	long listener; /* its descriptor, the same for both as they share the table of descriptors */
	long error;    /* of the filter */
} report;

static char why[1024]; /* what the tracer tells it: it could not be executed */

#define NOTIFY 'n' /* it may use notifications: calls can be answered without a stop */

/* Puts the filter into force: with notifications where the kernel can keep signals from breaking
 * them (Linux 5.19), and where it can be told afterwards that one has (the registers of aarch64
 * do not let it). */
static void install_filter(int notify)
{
	struct filter filter;

	report.listener = -1;
	report.error = sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
	if (report.error < 0)
		return;
#ifdef __x86_64__
	if (notify) {
		filter_build(&tracer.container, 1, &filter);
		report.listener = CALL(seccomp, SECCOMP_SET_MODE_FILTER,
		                       SECCOMP_FILTER_FLAG_NEW_LISTENER |
		                               SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		                       &filter, 0, 0);
		if (report.listener >= 0)
			return;
	}
#else
	(void)notify;
#endif
	filter_build(&tracer.container, 0, &filter);
	report.error = sys_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (unsigned long)&filter);
}

const char *variable(char **envp, const char *name)
{
	const char *value = NULL;

	for (; *envp && !value; envp++)
		value = after_start(*envp, name);
	return value;
}

static const char *search_path(char **envp)
{
	const char *value = variable(envp, "PATH=");

	return value ? value
	             : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static int has_slash(const char *text)
{
	while (*text && *text != '/')
		text++;
	return *text != 0;
}

/* As execvpe(3). Returns the error. */
static long execute(const struct command *command)
{
	const char *name = command->file, *next = search_path(command->envp);
	long error, found = -ENOENT;
	static char path[PATH_MAX];

	if (name)
		return sys_execve(name, command->argv, command->envp);
	name = command->argv[0];
	if (has_slash(name) || !*name)
		return sys_execve(name, command->argv, command->envp);
	for (; next; next = *next ? next + 1 : NULL) {
		size_t n = 0;

		while (*next && *next != ':') {
			if (n < sizeof path - 1)
				path[n++] = *next;
			next++;
		}
		path[n] = 0;
		if (join(path + n, sizeof path - n, n ? "/" : "", name, NULL) < 0)
			continue;
		error = sys_execve(path, command->argv, command->envp);
		if (error != -ENOENT && error != -ENOTDIR && error != -EACCES)
			return error;
		if (error == -EACCES)
			found = error;
	}
	return found;
}

/* The new process: what it does from its filter on is treated as any program's doing. */
static _Noreturn void begin(const struct command *command, int filter, int ready)
{
	const char *name = command->file ? command->file : command->argv[0];
	char byte;
	long error;

	sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	if (sys_read(ready, &byte, 1) != 1)
		sys_exit(STATUS_SETUP); /* it cannot be traced */
	if (filter)
		install_filter(byte == NOTIFY);
	sys_kill(CALL(getpid, 0, 0, 0, 0, 0), SIGSTOP); /* the tracer reads the report */
	sys_prctl(PR_SET_PDEATHSIG, 0, 0);
	sys_sigaction(SIGCHLD, command->child, NULL);
	sys_sigprocmask(SIG_SETMASK, command->mask, NULL);
	error = CALL(chdir, command->directory, 0, 0, 0, 0);
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot enter the working directory ",
		     command->directory, NULL);
	error = execute(command);
	fail(error == -ENOENT || error == -ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE,
	     error, "cannot execute ", name, *why ? ": " : "", why, NULL);
}

static const char *why_not_traced(long error)
{
	char level = '0';
	long fd = sys_open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY);

	if (fd >= 0) {
		sys_read((int)fd, &level, 1);
		sys_close((int)fd);
	}
	if (level >= '2')
		return " (kernel.yama.ptrace_scope forbids it)";
	return error == -EPERM || error == -ENOSYS
	               ? " (perhaps this is a container without the right to)"
	               : "";
}

/* Waits until the new process has stopped itself, and gives it other signals until then. */
static void await_stop(int pid)
{
	int status;

	for (;;) {
		long error = sys_wait(pid, &status, WALL);

		if (error < 0 || !WIFSTOPPED(status))
			fail(STATUS_SETUP, error < 0 ? error : 0, "the new process has ended", NULL);
		if (!WEVENT(status) && WSTOPSIG(status) == SIGSTOP)
			return;
		sys_ptrace(PTRACE_CONT, pid, 0, WEVENT(status) ? 0 : (uint64_t)WSTOPSIG(status));
	}
}

enum { RELEASE_SIZE = 65 };

/* Whether the kernel is older than MAJOR.MINOR. To us uname(2) may tell another release
 * (personality(2)). */
static unsigned char is_older(int64_t major, int64_t minor)
{
	char release[RELEASE_SIZE] = "";
	const char *text = release;
	long fd = sys_open("/proc/sys/kernel/osrelease", O_RDONLY);
	int64_t is;

	if (fd >= 0) {
		sys_read((int)fd, release, sizeof release - 1);
		sys_close((int)fd);
	}
	is = number(text, '.', 10);
	while (*text && *text != '.')
		text++;
	if (is != major)
		return is >= 0 && is < major;
	for (is = 0; *text && *++text >= '0' && *text <= '9';)
		is = is * 10 + *text - '0';
	return is < minor;
}

static void read_report(const struct task *task, int filter)
{
	if (subject_read(&task->subject, &report, (uint64_t)&report, sizeof report) < 0)
		fail(STATUS_SETUP, 0, "cannot read the memory of a traced process, "
		     "which modes F1 and R1 do not need", NULL);
	if (!filter)
		return;
	if (report.error < 0)
		fail(STATUS_SETUP, report.error, "cannot filter system calls, "
		     "which mode P2 does not need", NULL);
	tracer.filtered = 1;
	tracer.filter_first = is_older(4, 8);
	tracer.listener = (int)report.listener;
	/* The tracer and the program take turns: they are quicker on one processor (Linux 6.6). */
	if (tracer.listener >= 0)
		sys_ioctl(tracer.listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
		          (void *)SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

void spawn(const struct command *command, int filter)
{
	unsigned mask = (unsigned)CALL(umask, 0, 0, 0, 0, 0);
	struct task *task;
	int ready[2];
	long error = CALL(pipe2, ready, O_CLOEXEC, 0, 0, 0), pid;

	CALL(umask, mask, 0, 0, 0, 0);
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot make a pipe", NULL);
	pid = sys_fork(CLONE_FILES);
	if (pid == 0)
		begin(command, filter, ready[0]);
	if (pid < 0)
		fail(STATUS_SETUP, pid, "cannot start a process", NULL);
	error = sys_ptrace(PTRACE_SEIZE, (int)pid, 0, TRACER_OPTIONS);
	if (error < 0) {
		sys_kill(pid, SIGKILL);
		fail(STATUS_SETUP, error, "cannot trace a process, which modes F1 and R1 do not need",
		     why_not_traced(error), NULL);
	}
	sys_write(ready[1], memory_is_near((int)pid) ? (char[]){NOTIFY} : "", 1);
	await_stop((int)pid);
	sys_close(ready[0]);
	sys_close(ready[1]);
	tracer.first = (int)pid;
	task = task_add((int)pid);
	task_start(task, &tracer.container, mask);
	tracer.listener = -1;
	read_report(task, filter);
}

void spawn_explain(const struct task *task, const char *text)
{
	if (join(why, sizeof why, text ? text : "", NULL) >= 0)
		subject_write(&task->subject, (uint64_t)why, why, length(why) + 1);
}

enum { DIRECTORY_BUFFER = 4096 };

void release_inherited(void)
{
	char listing[DIRECTORY_BUFFER];
	long fd = sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY), n, null;

	while (fd >= 0 && (n = CALL(getdents64, fd, listing, sizeof listing, 0, 0)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(listing + at);
			int64_t open = number(entry->name, 0, 10);

			/* Our own are all closed on execve(2). */
			if (open > 2 && CALL(fcntl, open, F_GETFD, 0, 0, 0) == 0)
				sys_close((int)open);
			at += entry->reclen;
		}
	}
	sys_close((int)fd);
	null = sys_open("/dev/null", O_RDWR);
	for (int standard = 0; null >= 0 && standard < 2; standard++)
		CALL(dup3, null, standard, O_CLOEXEC, 0, 0);
	sys_close((int)null);
}
