/* Tracing one process by another: ptrace(2), as debuggers use it. */
#include "probe.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

static long registers(pid_t pid, unsigned long words[64])
{
	struct iovec area = {words, 64 * sizeof(long)};

	works(ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &area));
	return (long)(area.iov_len / sizeof(long));
}

static int stop_signal(pid_t pid)
{
	int status;

	equal(waitpid(pid, &status, 0), pid);
	check(WIFSTOPPED(status));
	return status >> 8;
}

static pid_t traced(void (*body)(void))
{
	pid_t pid = spawn();

	if (!pid) {
		works(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		syscall(SYS_kill, getpid(), SIGSTOP);
		body();
		_exit(0);
	}
	equal(stop_signal(pid), SIGSTOP);
	return pid;
}

static volatile long variable = 1234;

static void use_variable(void)
{
	_exit(variable == 4321 ? 5 : 6);
}

PROBE(traced_by_its_wish)
{
	unsigned long words[64] = {0};
	pid_t pid = traced(use_variable);
	char name[32], line[32];
	int status;

	check(registers(pid, words) > 20);
	snprintf(name, sizeof(name), "/proc/%d/status", (int)pid);
	snprintf(line, sizeof(line), "TracerPid:\t%d\n", (int)getpid());
	check(strstr(get(name), line));
	errno = 0;
	equal(ptrace(PTRACE_PEEKDATA, pid, &variable, NULL), 1234);
	equal(errno, 0);
	works(ptrace(PTRACE_POKEDATA, pid, &variable, 4321));
	works(ptrace(PTRACE_CONT, pid, NULL, NULL));
	equal(waitpid(pid, &status, 0), pid);
	equal(status, 5 << 8);
}

static void call(void)
{
	syscall(SYS_getppid);
	access("/", F_OK);
	_exit(0);
}

PROBE(traced_at_calls)
{
	pid_t pid = traced(call);
	int stops = 0, status;

	works(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD));
	for (;;) {
		works(ptrace(PTRACE_SYSCALL, pid, NULL, NULL));
		equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			break;
		check(WIFSTOPPED(status));
		equal(WSTOPSIG(status), SIGTRAP | 0x80);
		stops++;
	}
	equal(stops, 5); /* the last call does not return */
}

static void nothing(void)
{
	for (volatile int i = 0; i < 100; i++)
		;
}

PROBE(traced_step_by_step)
{
	unsigned long before[64], after[64];
	pid_t pid = traced(nothing);

	registers(pid, before);
	for (int i = 0; i < 50; i++) {
		works(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
		equal(stop_signal(pid), SIGTRAP);
	}
	registers(pid, after);
	check(memcmp(before, after, sizeof(before)));
	works(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	equal(wait_status(pid), 0);
}

static void execute(void)
{
	execl(self, "x", "--act", "exit", "9", (char *)NULL);
}

PROBE(traced_through_exec)
{
	pid_t pid = traced(execute);
	int status;

	works(ptrace(PTRACE_CONT, pid, NULL, NULL));
	equal(stop_signal(pid), SIGTRAP);
	works(ptrace(PTRACE_CONT, pid, NULL, NULL));
	equal(waitpid(pid, &status, 0), pid);
	equal(status, 9 << 8);
}

static void get_signal(void)
{
	raise(SIGUSR1);
}

PROBE(traced_signals)
{
	siginfo_t info;
	pid_t pid = traced(get_signal);
	int status;

	works(ptrace(PTRACE_CONT, pid, NULL, NULL));
	equal(stop_signal(pid), SIGUSR1);
	works(ptrace(PTRACE_GETSIGINFO, pid, NULL, &info));
	equal(info.si_signo, SIGUSR1);
	works(ptrace(PTRACE_CONT, pid, NULL, SIGTERM));
	equal(waitpid(pid, &status, 0), pid);
	equal(status, SIGTERM);
}

static void fork_once(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(3);
	wait_status(pid);
}

PROBE(traced_children)
{
	pid_t pid = traced(fork_once), child;
	unsigned long number = 0;
	int status;

	works(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEFORK));
	works(ptrace(PTRACE_CONT, pid, NULL, NULL));
	equal(stop_signal(pid), SIGTRAP | PTRACE_EVENT_FORK << 8);
	works(ptrace(PTRACE_GETEVENTMSG, pid, NULL, &number));
	child = (pid_t)number;
	equal(waitpid(child, &status, __WALL), child);
	check(WIFSTOPPED(status));
	works(ptrace(PTRACE_CONT, child, NULL, NULL));
	works(ptrace(PTRACE_CONT, pid, NULL, NULL));
	for (int left = 2; left;) {
		pid_t seen = waitpid(-1, &status, __WALL);

		check(seen == pid || seen == child);
		if (WIFSTOPPED(status))
			works(ptrace(PTRACE_CONT, seen, NULL, (long)WSTOPSIG(status)));
		else
			left--;
	}
}

static pid_t sleeping(void)
{
	pid_t pid = spawn();

	if (!pid)
		for (;;)
			pause();
	usleep(20 * 1000);
	return pid;
}

PROBE(traced_by_attaching)
{
	unsigned long words[64];
	pid_t pid = sleeping();

	works(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	equal(stop_signal(pid), SIGSTOP);
	check(registers(pid, words) > 20);
	works(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	works(kill(pid, SIGTERM));
	equal(wait_status(pid), SIGTERM);
}

PROBE(traced_by_seizing)
{
	unsigned long words[64];
	pid_t pid = sleeping();

	works(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	works(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
	equal(stop_signal(pid), SIGTRAP | PTRACE_EVENT_STOP << 8);
	check(registers(pid, words) > 20);
	works(ptrace(PTRACE_CONT, pid, NULL, NULL));
	works(kill(pid, SIGTERM));
	equal(stop_signal(pid), SIGTERM);
	works(ptrace(PTRACE_CONT, pid, NULL, SIGTERM));
	equal(wait_status(pid), SIGTERM);
}

/* As sanitizers start what stops their threads: it is no less in the container. */
static void check_untraced(pid_t pid)
{
	int status;

	if (!pid) {
		check(!strcmp(get("file"), "text") && access(expected.absent, F_OK));
		_exit(0);
	}
	equal(waitpid((pid_t)works(pid), &status, __WALL), pid);
	equal(status, 0);
}

PROBE(untraced_processes)
{
	uint64_t arguments[8] = {0x800000 /* CLONE_UNTRACED */, 0, 0, 0, SIGCHLD};

	put("file", "text");
	check_untraced((pid_t)syscall(SYS_clone, 0x800000 | SIGCHLD, NULL, NULL, NULL, NULL));
	check_untraced((pid_t)syscall(SYS_clone, 0x800000, NULL, NULL, NULL, NULL));
	if (syscall(SYS_clone3, NULL, 0) && errno == ENOSYS)
		return;
	check_untraced((pid_t)syscall(SYS_clone3, arguments, sizeof(arguments)));
	equal(arguments[0], 0x800000);
}

PROBE(memory_of_another_process)
{
	long value = 0;
	struct iovec to = {&value, sizeof(value)}, from = {(void *)&variable, sizeof(variable)};
	pid_t pid = sleeping();

	equal(works(process_vm_readv(pid, &to, 1, &from, 1, 0)), sizeof(value));
	equal(value, 1234);
	kill(pid, SIGKILL);
}
