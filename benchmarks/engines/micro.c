/*
 * The loops of bench_engines.py.
 *
 * usage: micro TEST MILLISECONDS
 *
 * It repeats one operation for that long and prints the nanoseconds that each took; without
 * arguments it does nothing, which is what its own test "exec" starts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 16
#define BATCH 16	/* operations between two looks at the clock */

static int null_device;
static const char *self;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static void need(int condition, const char *text)
{
	if (!condition) {
		perror(text);
		exit(1);
	}
}

static void do_getpid(void)
{
	syscall(SYS_getpid);
}

static void do_write(void)
{
	need(write(null_device, "x", 1) == 1, "write");
}

static void do_open(void)
{
	int fd = open("/etc/passwd", O_RDONLY);

	need(fd >= 0, "open");
	close(fd);
}

static void do_stat(void)
{
	struct stat status;

	need(stat("/etc/passwd", &status) == 0, "stat");
}

static void do_deep(void)
{
	struct stat status;

	need(stat("/bench/a/b/c/d/e/f/g/h/i/file", &status) == 0, "stat");
}

static void do_missing(void)
{
	struct stat status;

	need(stat("/etc/missing", &status) < 0 && errno == ENOENT, "stat");
}

static void do_exec(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(self, self, (char *)NULL);
		_exit(1);
	}
	need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "exec");
}

static volatile unsigned long sink;

static void do_compute(void)
{
	unsigned long x = 1;

	for (int i = 0; i < 1000; i++)
		x = x * 6364136223846793005 + 1442695040888963407;
	sink = x;
}

static struct {
	const char *name;
	void (*operation)(void);
	int threads;
} tests[] = {
	{ "getpid", do_getpid, 1 },
	{ "write", do_write, 1 },
	{ "open", do_open, 1 },
	{ "stat", do_stat, 1 },
	{ "deep", do_deep, 1 },
	{ "missing", do_missing, 1 },
	{ "exec", do_exec, 1 },
	{ "metadata", do_stat, THREADS },
	{ "compute", do_compute, THREADS },
	{ "futex", NULL, THREADS },
};

static void (*operation)(void);
static double end;
static atomic_long done;
static atomic_int turns[THREADS / 2];

static void *repeat(void *unused)
{
	long count = 0;

	(void)unused;
	do {
		for (int i = 0; i < BATCH; i++)
			operation();
		count += BATCH;
	} while (now() < end);
	done += count;
	return NULL;
}

/* Two threads wake each other in turn, as the halves of a queue do; a negative turn is the end. */
static void *alternate(void *argument)
{
	long number = (long)argument, count = 0;
	atomic_int *turn = &turns[number / 2];
	int mine = number % 2;

	while (*turn >= 0) {
		int seen = *turn;

		if (seen == !mine) {
			syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, seen, NULL);
			continue;
		}
		count++;
		atomic_compare_exchange_strong(turn, &seen, now() < end ? !mine : -1);
		syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1);
	}
	done += count;
	return NULL;
}

static void run_threads(int number, void *(*body)(void *))
{
	pthread_t threads[THREADS];

	for (long i = 0; i < number; i++)
		need(pthread_create(&threads[i], NULL, body, (void *)i) == 0, "thread");
	for (int i = 0; i < number; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	double start;

	self = argv[0];
	if (argc != 3)
		return argc != 1;
	null_device = open("/dev/null", O_WRONLY);
	need(null_device >= 0, "/dev/null");
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		if (strcmp(argv[1], tests[i].name))
			continue;
		operation = tests[i].operation;
		start = now();
		end = start + atof(argv[2]) * 1e6;
		if (tests[i].threads == 1)
			repeat(NULL);
		else
			run_threads(tests[i].threads, operation ? repeat : alternate);
		printf("%.1f\n", (now() - start) / done);
		return 0;
	}
	return 1;
}
