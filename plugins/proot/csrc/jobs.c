#include "jobs.h"

#include "text.h"
#include "tracer.h"

/* Signals that were sent to this process alone are the program's: by kill(2), by its own timer, or
 * because it leads the session of a terminal that is gone. Not those that the kernel sends to the
 * whole process group for a terminal, which the program gets as well; nor those that a program
 * of the container does, by kill(0). */
void jobs_signal(const struct siginfo *info)
{
	int sender;

	memcpy(&sender, info->rest + SI_PID_OFFSET, sizeof sender);
	if (info->code <= 0 && task_find(sender))
		return;
	if (info->signo != SIGCHLD &&
	    (info->code <= 0 || info->signo == SIGALRM || info->signo == SIGHUP))
		sys_kill(tracer.first, info->signo);
}

/* As Ctrl-Z does. If there is no shell that could continue us the kernel does not stop us. */
void jobs_stopped(void)
{
	static const sigset terminal_stop = (sigset)1 << (SIGTSTP - 1);
	static const sigset go_on = (sigset)1 << (SIGCONT - 1);
	static const struct sigaction normal;
	sigset pending = 0;
	long terminal;

	/* A stop of the group takes a SIGCONT that waits away: one that waits now came later, to the
	 * program too, and whoever sent it does not expect another stop. */
	CALL(rt_sigpending, &pending, sizeof pending, 0, 0, 0);
	if (pending & go_on)
		return;
	terminal = sys_open("/dev/tty", O_RDONLY | O_NOCTTY);
	if (terminal < 0)
		return; /* whoever has stopped it will continue it */
	sys_close((int)terminal);
	sys_sigaction(SIGTSTP, &normal, NULL);
	sys_kill(CALL(getpid, 0, 0, 0, 0, 0), SIGTSTP);
	sys_sigprocmask(SIG_UNBLOCK, &terminal_stop, NULL);
	sys_sigprocmask(SIG_BLOCK, &terminal_stop, NULL);
	sys_kill(tracer.first, SIGCONT);
}
