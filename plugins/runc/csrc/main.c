/* udocker-launch: run a program in a root directory of its own, as an ordinary user. */
#include "identity.h"
#include "kernel.h"
#include "mounts.h"
#include "options.h"
#include "privileges.h"
#include "supervise.h"
#include "text.h"

START;

_Noreturn void start(long *stack);

#define NAMESPACES                                                                             \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

static _Noreturn void execute(const struct options *o, char *const envp[])
{
	long error = sys_execve(o->program, o->argv, envp);
	int exists = CALL(faccessat, AT_FDCWD, o->program, 0, 0, 0) >= 0;

	fail(error == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE, error, "cannot execute ",
	     o->program, error == -ENOENT && exists ? " (its loader or interpreter is missing)" : "",
	     NULL);
}

/* Opens /dev/null wherever the program would have no descriptor from 3 to `last`. */
static void fill_descriptors(uint32_t last)
{
	long fd;

	for (uint32_t i = 3; i <= last; i++)
		if (CALL(fcntl, i, F_GETFD, 0, 0, 0) > 0)
			sys_close((int)i);
	do
		fd = CALL(openat, AT_FDCWD, "/dev/null", O_RDWR, 0, 0);
	while (fd >= 0 && fd <= (long)last);
	sys_close((int)fd);
}

/* Starts the program and stays as process 1 until it ends. */
static _Noreturn void run_program(const struct options *o, const struct signals *original,
                                  int channel, char *const envp[])
{
	long error, program;

	/* Nobody in the container may get at this program's own file through /proc/PID/exe, so this
	 * is before there is anybody. The program's execve(2) sets it back. */
	sys_prctl(PR_SET_DUMPABLE, 0, 0);
	program = sys_fork(0);
	if (program < 0)
		fail(STATUS_SETUP, program, "cannot start a process", NULL);
	if (program > 0) {
		sys_prctl(PR_SET_NAME, (unsigned long)"udocker-init", 0);
		sys_exit(supervise_init(program, channel));
	}
	if (!o->init_only)
		become_user(o);
	error = o->directory ? CALL(chdir, o->directory, 0, 0, 0, 0) : 0;
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot enter the working directory ", o->directory, NULL);
	if (o->last_descriptor)
		fill_descriptors(o->last_descriptor);
	restore_signals(original);
	execute(o, envp);
}

/* Makes the container around this process, the first in the new namespaces. */
static void enter_container(const struct options *o, int channel)
{
	unsigned mask;
	char ready;
	long error;

	if (sys_read(channel, &ready, 1) != 1)
		sys_exit(STATUS_SETUP); /* the front has failed, and said why */
	mask = (unsigned)CALL(umask, 0, 0, 0, 0, 0);
	error = o->hostname ? CALL(sethostname, o->hostname, length(o->hostname), 0, 0, 0) : 0;
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot set the host name ", o->hostname, NULL);
	build_root(o);
	CALL(umask, mask, 0, 0, 0, 0);
	if (!o->privileged)
		limit_capabilities();
	forbid_new_privileges();
	if (!o->privileged)
		filter_system_calls();
	die_with(channel);
}

/* A pair of sockets, above the standard descriptors even when the caller has closed those. */
static void make_channel(int channel[2])
{
	long error = CALL(socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel, 0);

	for (int i = 0; i < 2 && error >= 0; i++) {
		int low = channel[i];

		channel[i] = (int)(error = CALL(fcntl, low, F_DUPFD_CLOEXEC, 3, 0, 0));
		sys_close(low);
	}
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot make a socket", NULL);
}

/* It executes what its command line names: with another user's rights that would be a gift. */
static void refuse_borrowed_rights(void)
{
	if (CALL(getuid, 0, 0, 0, 0, 0) != CALL(geteuid, 0, 0, 0, 0, 0) ||
	    CALL(getgid, 0, 0, 0, 0, 0) != CALL(getegid, 0, 0, 0, 0, 0))
		fail(STATUS_SETUP, 0, "must not be setuid or setgid", NULL);
}

void start(long *stack)
{
	static struct options options;
	struct signals original;
	char **argv = (char **)(stack + 1), **envp = argv + *stack + 1;
	int channel[2];
	long init;

	refuse_borrowed_rights();
	parse_options(&options, argv);
	hold_signals(&original);
	if (options.init_only)
		run_program(&options, &original, -1, envp);
	make_channel(channel);
	init = sys_fork(NAMESPACES);
	if (init == 0) {
		sys_close(channel[0]);
		enter_container(&options, channel[1]);
		run_program(&options, &original, channel[1], envp);
	}
	if (init < 0)
		fail(STATUS_SETUP, init, "cannot make a user namespace", refusal(init), NULL);
	sys_close(channel[1]);
	map_ids(&options, init);
	lend_terminal(init);
	sys_write(channel[0], "", 1);
	sys_exit(supervise_front(init, channel[0]));
}
