/* Threads, processes, signals and waiting. */
#include "probe.h"

#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <stddef.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

/* Each of several threads does calls on paths of its own. */
static void *use_paths(void *number)
{
	char name[32], other[32], text[8];
	struct stat seen;
	static void *const wrong = "wrong";

	snprintf(name, sizeof(name), "t%d", (int)(intptr_t)number);
	snprintf(other, sizeof(other), "t%d.moved", (int)(intptr_t)number);
	for (int i = 0; i < 50; i++) {
		int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0644);

		if (fd < 0 || write(fd, name, 3) != 3 || stat(name, &seen) || seen.st_size != 3)
			return wrong;
		if (fstat(fd, &seen) || close(fd) || rename(name, other) || !access(name, F_OK))
			return wrong;
		fd = open(other, O_RDONLY);
		if (fd < 0 || read(fd, text, 3) != 3 || memcmp(text, name, 3) || close(fd) || unlink(other))
			return wrong;
	}
	return NULL;
}

PROBE(threads_use_paths)
{
	pthread_t threads[16];
	void *result;

	for (intptr_t i = 0; i < 16; i++)
		equal(pthread_create(&threads[i], NULL, use_paths, (void *)(i + 10)), 0);
	for (int i = 0; i < 16; i++) {
		equal(pthread_join(threads[i], &result), 0);
		check(!result);
	}
}

static void *nothing(void *unused)
{
	return unused;
}

PROBE(threads_come_and_go)
{
	pthread_t thread;

	for (int i = 0; i < 300; i++) {
		equal(pthread_create(&thread, NULL, nothing, NULL), 0);
		equal(pthread_join(thread, NULL), 0);
	}
}

static void *fork_in_thread(void *unused)
{
	for (int i = 0; i < 5; i++) {
		pid_t pid = spawn();

		if (!pid) {
			struct stat seen;

			_exit(stat("/", &seen) ? 1 : 0);
		}
		join(pid);
	}
	return unused;
}

PROBE(threads_fork)
{
	pthread_t threads[8];

	for (int i = 0; i < 8; i++)
		equal(pthread_create(&threads[i], NULL, fork_in_thread, NULL), 0);
	for (int i = 0; i < 8; i++)
		equal(pthread_join(threads[i], NULL), 0);
}

static void *leave(void *unused)
{
	usleep(20 * 1000);
	exit(21);
	return unused;
}

PROBE(thread_ends_the_process)
{
	pthread_t thread;
	pid_t pid = spawn();

	if (!pid) {
		pthread_create(&thread, NULL, leave, NULL);
		pthread_create(&thread, NULL, use_paths, (void *)50);
		for (;;)
			access("x", F_OK);
	}
	equal(wait_status(pid), 21 << 8);
}

static void *end_later(void *unused)
{
	usleep(50 * 1000);
	mkdir("made", 0755);
	exit(22);
	return unused;
}

PROBE(first_thread_ends_first)
{
	pthread_t thread;
	pid_t pid = spawn();

	if (!pid) {
		pthread_create(&thread, NULL, end_later, NULL);
		pthread_exit(NULL);
	}
	equal(wait_status(pid), 22 << 8);
	works(access("made", F_OK));
}

static void *change_directory(void *path)
{
	return (void *)(intptr_t)chdir(path);
}

PROBE(threads_share_the_directory)
{
	pthread_t thread;
	char path[4096];

	works(mkdir("d", 0755));
	equal(pthread_create(&thread, NULL, change_directory, "d"), 0);
	equal(pthread_join(thread, NULL), 0);
	same_text(getcwd(path, sizeof(path)), in_scratch("d"));
	put("file", "x");
	works(access(in_scratch("d/file"), F_OK));
}

PROBE(vfork_and_exec)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = vfork();

		if (!pid) {
			execl(self, "x", "--act", "exit", "7", (char *)NULL);
			_exit(97);
		}
		equal(wait_status(pid), 7 << 8);
	}
}

PROBE(vfork_and_exit)
{
	volatile int value = 1;
	pid_t pid = vfork();

	if (!pid) {
		value = 2;
		if (access("/", F_OK) || execl("missing", "x", (char *)NULL) != -1)
			_exit(1);
		_exit(5);
	}
	equal(value, 2);
	equal(wait_status(pid), 5 << 8);
}

static int use_clone(void *unused)
{
	struct stat seen;

	(void)unused;
	if (stat("/", &seen) || chdir("d"))
		return 1;
	return 6;
}

PROBE(clone_with_the_same_directory)
{
	static char stack[65536] __attribute__((aligned(16)));
	char path[4096];
	pid_t pid;

	works(mkdir("d", 0755));
	pid = (pid_t)works(clone(use_clone, stack + sizeof(stack), SIGCHLD, NULL));
	equal(wait_status(pid), 6 << 8);
	same_text(getcwd(path, sizeof(path)), scratch);
	pid = (pid_t)works(clone(use_clone, stack + sizeof(stack), CLONE_FS | CLONE_FILES | SIGCHLD,
	                         NULL));
	equal(wait_status(pid), 6 << 8);
	same_text(getcwd(path, sizeof(path)), in_scratch("d"));
}

PROBE(clone_with_the_same_memory)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid;

	works(mkdir("d", 0755));
	pid = (pid_t)works(clone(use_clone, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL));
	equal(wait_status(pid), 6 << 8);
}

static long clone3(uint64_t flags, uint64_t exit_signal)
{
	struct clone_args arguments = {.flags = flags, .exit_signal = exit_signal};

	return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

PROBE(clone3_of_a_process)
{
	pid_t pid = (pid_t)clone3(0, SIGCHLD);

	if (!pid) {
		struct stat seen;

		_exit(stat("/", &seen) ? 1 : 8);
	}
	need(pid);
	works(pid);
	equal(wait_status(pid), 8 << 8);
	refused(syscall(SYS_clone3, NULL, sizeof(struct clone_args)), EFAULT);
	refused(syscall(SYS_clone3, &pid, 8), EINVAL);
}

static void ignore(int number)
{
	(void)number;
}

PROBE(clone3_without_signal_handlers)
{
	struct sigaction action = {.sa_handler = ignore};
	pid_t pid;

	works(sigaction(SIGUSR1, &action, NULL));
	pid = (pid_t)clone3(CLONE_CLEAR_SIGHAND, SIGCHLD);
	if (!pid) {
		struct stat seen;

		if (stat("/", &seen) || sigaction(SIGUSR1, NULL, &action) ||
		    action.sa_handler != SIG_DFL || mkdir("made", 0755))
			_exit(1);
		_exit(9);
	}
	if (pid < 0)
		skip("not in this kernel");
	equal(wait_status(pid), 9 << 8);
	works(access("made", F_OK));
}

PROBE(clone_with_the_same_parent)
{
	int ends[2];
	char byte;
	pid_t pid, brother;

	works(pipe(ends));
	pid = spawn();
	if (!pid) {
		brother = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
		if (!brother)
			_exit(access("/", F_OK) ? 1 : 12);
		works(write(ends[1], &brother, sizeof(brother)));
		_exit(0);
	}
	join(pid);
	equal(read(ends[0], &brother, sizeof(brother)), sizeof(brother));
	equal(wait_status(brother), 12 << 8);
	(void)byte;
}

PROBE(descriptor_of_a_process)
{
	pid_t pid = spawn();
	int fd;

	if (!pid) {
		pause();
		_exit(0);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	need(fd);
	works(fd);
	works(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	equal(wait_status(pid), SIGTERM);
	refused(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
}

/* Signals */

static volatile sig_atomic_t signals;

static void count(int number)
{
	(void)number;
	signals++;
}

static void tick(int flags, long microseconds)
{
	struct sigaction action = {.sa_handler = count, .sa_flags = flags};

	works(sigaction(SIGALRM, &action, NULL));
	works(setitimer(ITIMER_REAL, &(struct itimerval){{0, microseconds}, {0, microseconds}}, NULL));
}

PROBE(signals_do_not_interrupt_paths)
{
	struct timespec now, start;
	struct stat seen;
	char path[4096];

	put("file", "12345");
	works(symlink("file", "link"));
	tick(0, 1000);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		int fd;

		works(stat("file", &seen));
		equal(seen.st_size, 5);
		fd = (int)works(open("link", O_RDONLY));
		works(fstat(fd, &seen));
		works(close(fd));
		works(readlink("link", path, sizeof(path)));
		works(access("file", R_OK));
		works((long)getcwd(path, sizeof(path)));
		works(mkdir("d", 0755));
		works(rmdir("d"));
		refused(open("missing", O_RDONLY), ENOENT);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec * 1000 + now.tv_nsec / 1000000 <
	         start.tv_sec * 1000 + start.tv_nsec / 1000000 + 700);
	check(signals > 100);
}

static void *stat_all_the_time(void *unused)
{
	struct stat seen;

	for (int i = 0; i < 3000; i++)
		if (stat("file", &seen) || seen.st_size != 5)
			return "wrong";
	return unused;
}

PROBE(signals_do_not_interrupt_paths_of_threads)
{
	pthread_t threads[4];
	void *result;

	put("file", "12345");
	tick(0, 1000);
	for (int i = 0; i < 4; i++)
		equal(pthread_create(&threads[i], NULL, stat_all_the_time, NULL), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		check(!result);
	}
	check(signals);
}

PROBE(signals_do_not_interrupt_exec)
{
	for (int i = 0; i < 30; i++) {
		pid_t pid = spawn();

		if (!pid) {
			struct sigaction action = {.sa_handler = count};

			sigaction(SIGPROF, &action, NULL);
			sigaction(SIGALRM, &action, NULL);
			setitimer(ITIMER_REAL, &(struct itimerval){{0, 300}, {0, 300}}, NULL);
			usleep(1000);
			/* The timer goes on after execve(2): the program must not get it. */
			for (int j = 0; j < 10; j++)
				access("/", F_OK);
			signal(SIGALRM, SIG_IGN);
			execl(self, "x", "--act", "exit", "4", (char *)NULL);
			_exit(errno == EINTR ? 98 : 97);
		}
		equal(wait_status(pid), 4 << 8);
	}
}

static void call_in_handler(int number)
{
	struct stat seen;
	int fd;

	(void)number;
	if (stat("file", &seen) || (fd = open("file", O_RDONLY)) < 0 || close(fd))
		_exit(1);
	signals++;
}

PROBE(signal_handlers_use_paths)
{
	struct sigaction action = {.sa_handler = call_in_handler, .sa_flags = SA_RESTART};
	struct stat seen;

	put("file", "12345");
	works(sigaction(SIGALRM, &action, NULL));
	works(setitimer(ITIMER_REAL, &(struct itimerval){{0, 2000}, {0, 2000}}, NULL));
	while (signals < 50) {
		works(stat("file", &seen));
		equal(seen.st_size, 5);
	}
}

PROBE(signal_handlers_on_a_small_stack)
{
	static char memory[1 << 16];
	/* As small as the kernel lets it be, and the frames of the handler. */
	stack_t stack = {.ss_sp = memory, .ss_size = getauxval(AT_MINSIGSTKSZ) + 2048};
	struct sigaction action = {.sa_handler = call_in_handler, .sa_flags = SA_ONSTACK};

	if ((long)stack.ss_size < 2048 + 2048)
		stack.ss_size = 4096 + 2048;
	put("file", "12345");
	works(sigaltstack(&stack, NULL));
	works(sigaction(SIGUSR1, &action, NULL));
	for (int i = 0; i < 10; i++)
		works(raise(SIGUSR1));
	equal(signals, 10);
}

static pid_t paused(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	works(pipe(ends));
	pid = spawn();
	if (!pid) {
		works(write(ends[1], "x", 1));
		for (;;)
			pause();
	}
	equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	return pid;
}

PROBE(processes_stopped_and_continued)
{
	pid_t pid = paused();
	int status;
	siginfo_t info;

	for (int i = 0; i < 3; i++) {
		works(kill(pid, SIGSTOP));
		equal(waitpid(pid, &status, WUNTRACED), pid);
		check(WIFSTOPPED(status));
		equal(WSTOPSIG(status), SIGSTOP);
		works(kill(pid, SIGCONT));
		equal(waitpid(pid, &status, WCONTINUED), pid);
		check(WIFCONTINUED(status));
	}
	works(setpgid(pid, pid)); /* a group that is not orphaned can be stopped by SIGTSTP */
	works(kill(pid, SIGTSTP));
	works(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
	equal(info.si_code, CLD_STOPPED);
	equal(info.si_status, SIGTSTP);
	equal(waitpid(pid, &status, WNOHANG | WUNTRACED), 0);
	works(kill(pid, SIGKILL));
	equal(wait_status(pid), SIGKILL);
}

PROBE(process_stops_in_the_middle)
{
	int status;
	pid_t pid = spawn();

	if (!pid) {
		for (int i = 0; i < 100; i++)
			works(access("/", F_OK));
		raise(SIGSTOP);
		for (int i = 0; i < 100; i++)
			works(access("/", F_OK));
		_exit(3);
	}
	equal(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));
	usleep(20 * 1000);
	equal(waitpid(pid, &status, WNOHANG), 0);
	works(kill(pid, SIGCONT));
	equal(wait_status(pid), 3 << 8);
}

PROBE(process_stopped_while_it_works)
{
	int status;
	pid_t pid = spawn();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			if (access("/", F_OK))
				_exit(1);
	}
	for (int i = 0; i < 20; i++) {
		usleep(2000);
		works(kill(pid, SIGSTOP));
		equal(waitpid(pid, &status, WUNTRACED), pid);
		check(WIFSTOPPED(status));
		works(kill(pid, SIGCONT));
	}
	works(kill(pid, SIGKILL));
	equal(wait_status(pid), SIGKILL);
}

PROBE(process_groups)
{
	pid_t first = paused(), second = paused();

	works(setpgid(first, first));
	works(setpgid(second, first));
	equal(getpgid(second), first);
	equal(getpgrp(), getpid());
	equal(getsid(0), getpid());
	works(kill(-first, SIGTERM));
	equal(wait_status(first), SIGTERM);
	equal(wait_status(second), SIGTERM);
	refused(kill(-first, 0), ESRCH);
}

PROBE(kill_of_the_own_group)
{
	struct sigaction action = {.sa_handler = count};
	pid_t pid;

	works(sigaction(SIGUSR1, &action, NULL));
	pid = spawn();
	if (!pid) {
		while (!signals)
			usleep(1000);
		_exit(5);
	}
	usleep(20 * 1000);
	works(kill(0, SIGUSR1));
	equal(signals, 1);
	equal(wait_status(pid), 5 << 8);
}

PROBE(kill_of_all)
{
	sigset_t urgent;
	pid_t pid;
	int ends[2];
	char byte;

	/* SIGURG: whoever else gets it, by a fault of what is probed, ignores it. */
	sigemptyset(&urgent);
	sigaddset(&urgent, SIGURG);
	works(pipe(ends));
	pid = spawn();
	if (!pid) {
		siginfo_t info;

		setsid();
		sigprocmask(SIG_BLOCK, &urgent, NULL);
		works(write(ends[1], "x", 1));
		equal(sigwaitinfo(&urgent, &info), SIGURG);
		_exit(0);
	}
	equal(read(ends[0], &byte, 1), 1);
	works(sigprocmask(SIG_BLOCK, &urgent, NULL));
	works(kill(-1, SIGURG));
	join(pid);
	equal(sigtimedwait(&urgent, NULL, &(struct timespec){0, 0}), -1);
}

PROBE(kill_of_strangers)
{
	check(kill(1, 0) == 0 || errno == EPERM);
	refused(kill(999999999, 0), ESRCH);
	refused(kill(getpid(), 99), EINVAL);
	works(kill(getpid(), 0));
}

PROBE(status_of_signals)
{
	const int list[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM, SIGINT, SIGKILL,
	                    SIGPIPE, SIGSYS, SIGTRAP};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		int status;
		pid_t pid = spawn();

		if (!pid) {
			setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
			raise(list[i]);
			_exit(0);
		}
		status = wait_status(pid);
		check(WIFSIGNALED(status));
		equal(WTERMSIG(status), list[i]);
	}
}

PROBE(status_of_faults)
{
	int status;
	pid_t pid = spawn();

	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		*(volatile int *)8 = 1;
		_exit(0);
	}
	status = wait_status(pid);
	equal(WTERMSIG(status), SIGSEGV);
	pid = spawn();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		__builtin_trap();
	}
	status = wait_status(pid);
	check(WIFSIGNALED(status));
}

static sigjmp_buf *back;

static void jump(int number, siginfo_t *info, void *context)
{
	(void)context;
	check(number == SIGSEGV);
	check(info->si_addr == (void *)16);
	siglongjmp(*back, 1);
}

PROBE(fault_handled)
{
	sigjmp_buf here;
	struct sigaction action = {.sa_sigaction = jump, .sa_flags = SA_SIGINFO};

	works(sigaction(SIGSEGV, &action, NULL));
	back = &here;
	for (volatile int i = 0; i < 3; i++)
		if (!sigsetjmp(here, 1))
			*(volatile int *)16 = 1;
	works(access("/", F_OK));
}

static volatile sig_atomic_t sender, code;

static void remember(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	sender = info->si_pid;
	code = info->si_code;
	signals++;
}

PROBE(signal_says_who_sent_it)
{
	struct sigaction action = {.sa_sigaction = remember, .sa_flags = SA_SIGINFO};
	pid_t pid;

	works(sigaction(SIGUSR1, &action, NULL));
	works(sigaction(SIGCHLD, &action, NULL));
	works(kill(getpid(), SIGUSR1));
	equal(sender, getpid());
	equal(code, SI_USER);
	pid = spawn();
	if (!pid) {
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	while (signals < 3)
		usleep(1000);
	equal(sender, pid);
	equal(wait_status(pid), 0);
}

PROBE(sleep_interrupted_and_goes_on)
{
	struct timespec rest = {0, 0};

	tick(0, 50 * 1000);
	equal(nanosleep(&(struct timespec){5, 0}, &rest), -1);
	equal(errno, EINTR);
	check(rest.tv_sec >= 4);
	tick(SA_RESTART, 5 * 1000);
	signals = 0;
	{
		int ends[2];
		char byte;
		pid_t pid;

		works(pipe(ends));
		pid = spawn();
		if (!pid) {
			usleep(50 * 1000);
			_exit(write(ends[1], "x", 1) != 1);
		}
		equal(read(ends[0], &byte, 1), 1);
		join(pid);
	}
	check(signals > 2);
}

PROBE(stop_does_not_interrupt_a_sleep)
{
	int status;
	pid_t pid = spawn();

	if (!pid)
		_exit(nanosleep(&(struct timespec){0, 300 * 1000 * 1000}, NULL) ? 1 : 0);
	usleep(50 * 1000);
	works(kill(pid, SIGSTOP));
	equal(waitpid(pid, &status, WUNTRACED), pid);
	works(kill(pid, SIGCONT));
	join(pid);
}

PROBE(orphans_have_a_parent)
{
	int ends[2];
	pid_t pid, parent;

	works(pipe(ends));
	pid = spawn();
	if (!pid) {
		pid_t own = getpid();

		if (!spawn()) {
			while (getppid() == own)
				usleep(1000);
			parent = getppid();
			works(access("/", F_OK));
			works(write(ends[1], &parent, sizeof(parent)));
			_exit(0);
		}
		_exit(0);
	}
	join(pid);
	equal(read(ends[0], &parent, sizeof(parent)), sizeof(parent));
	check(parent != pid);
}

PROBE(orphans_of_a_subreaper)
{
	int ends[2];
	pid_t pid, orphan;

	works(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	works(pipe(ends));
	pid = spawn();
	if (!pid) {
		orphan = spawn();
		if (!orphan) {
			usleep(30 * 1000);
			_exit(access("/", F_OK) ? 1 : 19);
		}
		works(write(ends[1], &orphan, sizeof(orphan)));
		_exit(0);
	}
	join(pid);
	equal(read(ends[0], &orphan, sizeof(orphan)), sizeof(orphan));
	equal(wait_status(orphan), 19 << 8);
}

PROBE(parent_death_signal)
{
	int ends[2];
	pid_t pid, child;
	char byte;

	works(pipe(ends));
	pid = spawn();
	if (!pid) {
		child = spawn();
		if (!child) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			works(write(ends[1], "x", 1));
			pause();
		}
		pause();
	}
	equal(read(ends[0], &byte, 1), 1);
	works(close(ends[1]));
	works(kill(pid, SIGKILL));
	equal(wait_status(pid), SIGKILL);
	equal(read(ends[0], &byte, 1), 0);
}

PROBE(waiting_for_any_child)
{
	int status;
	siginfo_t info;
	struct rusage usage;
	pid_t pid = spawn();

	if (!pid)
		_exit(3);
	works(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
	equal(info.si_pid, pid);
	equal(info.si_status, 3);
	equal(info.si_code, CLD_EXITED);
	equal(wait4(-1, &status, 0, &usage), pid);
	equal(status, 3 << 8);
	refused(waitpid(-1, &status, 0), ECHILD);
	refused(waitpid(-1, &status, WNOHANG), ECHILD);
	refused(waitpid(pid, &status, 0), ECHILD);
}

PROBE(children_ignored)
{
	int status;
	pid_t pid;

	works((long)signal(SIGCHLD, SIG_IGN));
	pid = spawn();
	if (!pid)
		_exit(3);
	refused(waitpid(pid, &status, 0), ECHILD);
}

PROBE(many_processes_at_once)
{
	pid_t pids[50];

	for (int i = 0; i < 50; i++) {
		pids[i] = spawn();
		if (!pids[i]) {
			char name[16];

			snprintf(name, sizeof(name), "p%d", i);
			for (int j = 0; j < 5; j++) {
				put(name, name);
				same_text(get(name), name);
				works(unlink(name));
			}
			_exit(i);
		}
	}
	for (int i = 0; i < 50; i++)
		equal(wait_status(pids[i]), i << 8);
}

PROBE(children_killed_while_they_work)
{
	for (int i = 0; i < 30; i++) {
		pid_t pid = spawn();

		if (!pid)
			for (;;) {
				close(open("file", O_RDWR | O_CREAT, 0644));
				unlink("file");
			}
		usleep(500 + 100 * i);
		works(kill(pid, SIGKILL));
		equal(wait_status(pid), SIGKILL);
	}
}

PROBE(not_dumpable)
{
	struct stat seen;
	const char *output;

	put("file", "12345");
	works(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	works(stat("file", &seen));
	equal(seen.st_size, 5);
	same_text(get("file"), "12345");
	works(mkdir("d", 0755));
	equal(run(self, ARGV("x", "--act", "arguments", "a"), NULL, &output), 0);
	works(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
}

/* A filter of the program's own. */
static void refuse(int number, unsigned action)
{
	struct sock_filter code[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)number},
		{BPF_RET | BPF_K, 0, 0, action},
		{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
	};
	struct sock_fprog program = {4, code};

	works(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	works(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

PROBE(own_filter)
{
	const char *output;

	put("file", "12345");
	refuse(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV);
	refused(syscall(SYS_getppid), EXDEV);
	same_text(get("file"), "12345");
	equal(run(self, ARGV("x", "--act", "arguments", "a"), NULL, &output), 0);
	equal(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 2);
}

PROBE(own_filter_of_path_calls)
{
	refuse(SYS_mkdirat, SECCOMP_RET_ERRNO | ENOTTY);
	refused(syscall(SYS_mkdirat, AT_FDCWD, "d", 0755), ENOTTY);
	works(access("/", F_OK));
}

PROBE(own_filter_kills)
{
	int status;
	pid_t pid = spawn();

	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		refuse(SYS_getpgid, SECCOMP_RET_KILL_PROCESS);
		works(access("/", F_OK));
		syscall(SYS_getpgid, 0);
		_exit(0);
	}
	status = wait_status(pid);
	check(WIFSIGNALED(status));
	equal(WTERMSIG(status), SIGSYS);
}

static void trapped(int number, siginfo_t *info, void *context)
{
	(void)context;
	check(number == SIGSYS);
	check(info->si_syscall == SYS_getpgid);
	signals++;
}

PROBE(own_filter_traps)
{
	struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};

	works(sigaction(SIGSYS, &action, NULL));
	refuse(SYS_getpgid, SECCOMP_RET_TRAP);
	syscall(SYS_getpgid, 0);
	equal(signals, 1);
	works(access("/", F_OK));
}

PROBE(old_calls_in_vain)
{
	refused(syscall(100000), ENOSYS);
	refused(syscall(-1), ENOSYS);
}

PROBE(system_name)
{
	struct utsname name;

	works(uname(&name));
	same_text(name.sysname, "Linux");
	check(name.release[0]);
#ifdef __x86_64__
	same_text(name.machine, "x86_64");
#endif
	refused(syscall(SYS_uname, NULL), EFAULT);
}

PROBE(limits_of_resources)
{
	struct rlimit limit;

	works(getrlimit(RLIMIT_STACK, &limit));
	works(setrlimit(RLIMIT_FSIZE, &(struct rlimit){3, 3}));
	works((long)signal(SIGXFSZ, SIG_IGN));
	equal(write((int)works(open("file", O_WRONLY | O_CREAT, 0644)), "12345", 5), 3);
}

PROBE(memory_of_files)
{
	int fd;
	char *memory;

	put("file", "12345");
	fd = (int)works(open("file", O_RDWR));
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(memory != MAP_FAILED);
	memory[0] = 'x';
	works(msync(memory, 4096, MS_SYNC));
	same_text(get("file"), "x2345");
	memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, (int)works(open(self, O_RDONLY)), 0);
	check(memory != MAP_FAILED);
	check(!memcmp(memory, "\177ELF", 4));
}

PROBE(heap_grows)
{
	char *end = (char *)syscall(SYS_brk, 0);

	check(syscall(SYS_brk, end + (1 << 20)) == (long)(end + (1 << 20)));
	memset(end, 1, 1 << 20);
	check(syscall(SYS_brk, end) == (long)end);
}

PROBE(stack_grows)
{
	volatile char deep[4 << 20];

	for (size_t i = 0; i < sizeof(deep); i += 4096)
		deep[sizeof(deep) - 1 - i] = 1;
	works(access("/", F_OK));
}
