/* udocker-proot: run a command in a root directory of its own by tracing it. */
#include "exempt.h"
#include "options.h"
#include "owners.h"
#include "text.h"
#include "tracer.h"
#include "view.h"

START;

_Noreturn void start(long *stack, const struct load_request *request);

struct tracer tracer;
static struct view view;
static struct options options = {.directory = "/"};
static sigset original;
static struct sigaction original_child;

/* Descriptors of ours must not be where the standard ones are expected. What fills the gap closes
 * itself when the program is executed, to which they are closed as they were. */
static void fill_standard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (CALL(fcntl, fd, F_GETFD, 0, 0, 0) == -EBADF)
			sys_open("/dev/null", O_RDWR);
}

/* The tracer: signals are read from the descriptor that this returns. */
static int hold_signals(void)
{
	static const sigset all = ~(sigset)0;
	static const struct sigaction normal;
	long fd;

	sys_sigprocmask(SIG_BLOCK, &all, &original);
	/* Whoever started us may ignore SIGCHLD, and then there is nothing to wait for. */
	sys_sigaction(SIGCHLD, &normal, &original_child);
	fd = CALL(signalfd4, -1, &all, sizeof all, SFD_CLOEXEC, 0);
	if (fd < 0)
		fail(STATUS_SETUP, fd, "cannot wait for signals", NULL);
	return (int)fd;
}

static void describe_container(void)
{
	struct container *container = &tracer.container;

	container->host_uid = (uint32_t)CALL(getuid, 0, 0, 0, 0, 0);
	container->host_gid = (uint32_t)CALL(getgid, 0, 0, 0, 0, 0);
	container->base_uid = container->host_uid;
	container->base_gid = container->host_gid;
	container->view = &view;
	container->owners = owners_new();
	if (!container->owners)
		fail(STATUS_SETUP, -ENOMEM, "no memory for owners of files", NULL);
}

static void describe_first(struct task *task)
{
	ids_start(&task->ids, tracer.container.base_uid, tracer.container.base_gid);
	task->ids.count = options.group_count;
	for (uint32_t i = 0; i < options.group_count; i++)
		task->ids.groups[i] = options.groups[i];
}

void start(long *stack, const struct load_request *request)
{
	char **argv = (char **)(stack + 1), **envp = argv + *stack + 1;
	struct command command;
	int signals, status;

	if (request)
		load(request, (uint64_t *)stack);
	fill_standard();
	describe_container();
	parse_options(&options, &tracer.container, argv);
	signals = hold_signals();
	sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0);
	command = (struct command){options.argv, envp, options.file,
	                           options.directory, &original, &original_child};
	spawn(&command, !options.no_filter && !variable(envp, "PROOT_NO_SECCOMP="));
	describe_first(task_find(tracer.first));
	status = events_serve(signals);
	sys_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
