#include "jobs.h"

#include "text.h"
#include "tracer.h"

/* Signals that were sent to this process alone are the program's: by kill(2), by its own timer, or
 * because it leads the session of a terminal that is gone. Not those that the kernel sends to the
 * whole process group for a terminal, which the program gets as well. */
void jobs_signal(const struct siginfo *info)
{
	if (info->signo != SIGCHLD &&
	    (info->code <= 0 || info->signo == SIGALRM || info->signo == SIGHUP))
		sys_kill(tracer.first, info->signo);
}

/* As Ctrl-Z does. If there is no shell that could continue us the kernel does not stop us. */
void jobs_stopped(void)
{
	static const sigset terminal_stop = (sigset)1 << (SIGTSTP - 1);
	static const struct sigaction normal;
	long terminal = sys_open("/dev/tty", O_RDONLY | O_NOCTTY);

	if (terminal < 0)
		return; /* whoever has stopped it will continue it */
	sys_close((int)terminal);
	sys_sigaction(SIGTSTP, &normal, NULL);
	sys_kill(CALL(getpid, 0, 0, 0, 0, 0), SIGTSTP);
	sys_sigprocmask(SIG_UNBLOCK, &terminal_stop, NULL);
	sys_sigprocmask(SIG_BLOCK, &terminal_stop, NULL);
	sys_kill(tracer.first, SIGCONT);
}
