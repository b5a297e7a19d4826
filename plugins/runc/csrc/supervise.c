#include "supervise.h"

#include "kernel.h"
#include "text.h"

static const sigset all = ~(sigset)0;

void hold_signals(struct signals *original)
{
	static const struct sigaction normal;

	sys_sigprocmask(SIG_BLOCK, &all, &original->mask);
	/* Whoever started us may ignore SIGCHLD, and then there is nothing to wait for. */
	sys_sigaction(SIGCHLD, &normal, &original->child);
}

void restore_signals(const struct signals *original)
{
	sys_sigaction(SIGCHLD, &original->child, NULL);
	sys_sigprocmask(SIG_SETMASK, &original->mask, NULL);
}

void die_with(int channel)
{
	static const struct timespec now;
	struct pollfd other = {.fd = channel};

	sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	if (CALL(ppoll, &other, 1, &now, NULL, 0) > 0 && other.revents & POLLHUP)
		sys_exit(STATUS_SETUP);
}

void close_inherited(int first, int keep)
{
	char entries[4096];
	long fd, n;

	if ((keep <= first || CALL(close_range, first, keep - 1, 0, 0, 0) >= 0) &&
	    CALL(close_range, keep < first ? first : keep + 1, ~0u, 0, 0, 0) >= 0)
		return;
	fd = sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY); /* kernels before 5.9 */
	while (fd >= 0 && (n = CALL(getdents64, fd, entries, sizeof entries, 0, 0)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			int64_t open = number(entry->name, 0, 10);

			if (open >= first && open != fd && open != keep)
				sys_close((int)open);
			at += entry->reclen;
		}
	}
	sys_close((int)fd);
}

/* Signals that were sent to this process: by kill(2), by its own timer, or because it leads the
 * session of a terminal that is gone. Not those that the kernel sends to the whole process group
 * for a terminal, which the program gets as well. */
static void pass_on(long pid, const struct siginfo *info)
{
	if (info->signo != SIGCHLD &&
	    (info->code <= 0 || info->signo == SIGALRM || info->signo == SIGHUP))
		sys_kill(pid, info->signo);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whether `fd` is our terminal and process group `group` is its foreground. */
static int in_foreground(int fd, int group)
{
	int owner;

	return sys_ioctl(fd, TIOCGPGRP, &owner) >= 0 && owner == group;
}

static void set_foreground(int group)
{
	sys_ioctl(0, TIOCSPGRP, &group); /* it fails where the terminal has been hung up */
}

static int own_group(void)
{
	return (int)CALL(getpgid, 0, 0, 0, 0, 0);
}

void lend_terminal(long init)
{
	int group = own_group();

	if (CALL(getpid, 0, 0, 0, 0, 0) != group)
		return;
	for (int fd = 0; fd < 3; fd++)
		if (!in_foreground(fd, group))
			return;
	if (CALL(setpgid, init, init, 0, 0, 0) >= 0)
		set_foreground((int)init);
}

/* Takes the foreground back if it is still the container's, of whose processes none is left. A
 * shell that has put us into the background keeps what it has. */
static void take_terminal_back(int group)
{
	int owner;

	if (sys_ioctl(0, TIOCGPGRP, &owner) >= 0 && sys_kill(-owner, 0) == -ESRCH)
		set_foreground(group);
}

/* Continues a container that has a process group of its own, as the shell has continued ours. */
static void continue_group(int group, int init)
{
	if (in_foreground(0, group))
		set_foreground(init);
	sys_kill(-init, SIGCONT);
}

/* Stops this process as Ctrl-Z does, so that the shell takes over. If there is no shell that could
 * continue us the kernel does not stop us. */
static void stop(void)
{
	static const sigset terminal_stop = (sigset)1 << (SIGTSTP - 1);
	static const struct sigaction normal;

	sys_sigaction(SIGTSTP, &normal, NULL);
	sys_kill(CALL(getpid, 0, 0, 0, 0, 0), SIGTSTP);
	sys_sigprocmask(SIG_UNBLOCK, &terminal_stop, NULL);
	sys_sigprocmask(SIG_BLOCK, &terminal_stop, NULL);
}

/* What init reports of the program. */
#define STOPPED 's'
#define CONTINUED 'c'

enum { SETTLING = 50 * 1000 * 1000 }; /* nanoseconds */

/* Reads a report of init: 0 when there will be no more. When the program has been stopped in a
 * shell's terminal, stops this process too. A batch system that suspends the whole job continues
 * it as well, so a report may be outdated: the last one counts. */
static int follow_program(int channel, int group, int init)
{
	struct pollfd next = {.fd = channel, .events = POLLIN};
	struct timespec settling = {.nanoseconds = SETTLING};
	char report = CONTINUED;
	long terminal;

	do {
		if (sys_read(channel, &report, 1) != 1)
			return 0;
	} while (report == STOPPED && CALL(ppoll, &next, 1, &settling, NULL, 0) > 0);
	terminal = report == STOPPED ? sys_open("/dev/tty", O_RDONLY | O_NOCTTY) : -1;
	if (terminal >= 0) {
		sys_close((int)terminal);
		stop();
		if (init)
			continue_group(group, init);
	}
	return 1;
}

int supervise_front(long pid, int channel)
{
	int group = own_group();
	int lent = CALL(getpgid, pid, 0, 0, 0, 0) == pid ? (int)pid : 0;
	int foreground = lent || in_foreground(0, group);
	struct pollfd events[2] = {{.events = POLLIN}, {.fd = channel, .events = POLLIN}};
	struct siginfo info;
	int status;

	close_inherited(foreground, channel);
	events[0].fd = (int)CALL(signalfd4, -1, &all, sizeof all, SFD_CLOEXEC, 0);
	while (sys_wait(pid, &status, WNOHANG) == 0) {
		CALL(ppoll, events, 2, NULL, NULL, 0);
		if (events[1].revents && !follow_program(channel, group, lent))
			events[1].fd = -1; /* init has ended */
		if (events[0].revents & POLLIN &&
		    sys_read(events[0].fd, &info, sizeof info) == sizeof info) {
			if (lent && info.signo == SIGCONT)
				continue_group(group, lent);
			else
				pass_on(pid, &info);
		}
	}
	if (foreground)
		take_terminal_back(group);
	return exit_status(status);
}

int supervise_init(long pid, int channel)
{
	struct siginfo info;
	int status;
	long child;

	close_inherited(0, channel);
	for (;;) {
		while ((child = sys_wait(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
			if (child != pid)
				continue;
			if (WIFSTOPPED(status))
				sys_write(channel, (char[]){STOPPED}, 1);
			else if (WIFCONTINUED(status))
				sys_write(channel, (char[]){CONTINUED}, 1);
			else
				return exit_status(status);
		}
		if (CALL(rt_sigtimedwait, &all, &info, NULL, sizeof all, 0) > 0)
			pass_on(pid, &info);
	}
}
