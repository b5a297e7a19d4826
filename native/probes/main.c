/* Probes of a container: each does one thing with system calls that a program may expect to work.
 *
 * usage: probes [OPTION...] [PATTERN...]
 *
 * It prints "ok NAME", "skip NAME: why" or "FAIL NAME: why" for each probe whose name matches a
 * pattern (fnmatch(3); none: all), and a summary. The exit status is 0 if none failed.
 *
 *   -u UID, -g GID     who one is inside (0, 0)
 *   -s DIRECTORY       where to make the probes' directories (/tmp)
 *   -t SECONDS         how long a probe may take (10)
 *   -q                 print what is not ok, and the summary
 *   -l                 print the names
 *   -x PATTERN         leave these out; may be repeated
 *   --bind DIRECTORY, --bind-file FILE, --nested DIRECTORY, --absent FILE, --program FILE: see
 *                      struct expected
 */
#include "probe.h"

#include <dirent.h>
#include <fnmatch.h>
#include <grp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>

extern const struct probe *const __start_probes[], *const __stop_probes[];

struct expected expected;
char self[4096], scratch[4096];

enum { OK = 0, FAILED = 70, SKIPPED = 71 };

static const char *excluded[16];
static int excluded_count;
static char *reason; /* shared by all processes of a probe; REASON bytes */
enum { REASON = 1024 };

static void say(const char *file, int line, const char *format, va_list arguments)
{
	char text[REASON] = "";
	size_t used = 0;

	if (file) {
		const char *slash = strrchr(file, '/');

		used = (size_t)snprintf(text, sizeof(text), "%s:%d: ", slash ? slash + 1 : file, line);
	}
	vsnprintf(text + used, sizeof(text) - used, format, arguments);
	if (!reason[0])
		memcpy(reason, text, sizeof(text));
}

_Noreturn void failed(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(file, line, format, arguments);
	_exit(FAILED);
}

_Noreturn void skip(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(NULL, 0, format, arguments);
	_exit(SKIPPED);
}

long works_at(const char *file, int line, const char *text, long result)
{
	if (result == -1)
		failed(file, line, "%s: %s", text, strerror(errno));
	return result;
}

void refused_at(const char *file, int line, const char *text, long result, int error,
                const char *name)
{
	if (result != -1)
		failed(file, line, "%s: gives %ld, not %s", text, result, name);
	if (errno != error)
		failed(file, line, "%s: %s, not %s", text, strerror(errno), name);
}

void equal_at(const char *file, int line, const char *text, long long got, long long want)
{
	if (got != want)
		failed(file, line, "%s is %lld (0%llo), not %lld (0%llo)", text, got, got, want, want);
}

void same_text_at(const char *file, int line, const char *text, const char *got, const char *want)
{
	if (strcmp(got, want))
		failed(file, line, "%s is \"%.300s\", not \"%.300s\"", text, got, want);
}

void need_root(void)
{
	if (expected.uid)
		skip("not root");
}

void need(long result)
{
	if (result == -1 && errno == ENOSYS)
		skip("not in this kernel");
}

pid_t spawn(void)
{
	return (pid_t)works(fork());
}

int wait_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			fail("waitpid: %s", strerror(errno));
	return status;
}

void join(pid_t pid)
{
	int status = wait_status(pid);

	if (WIFSIGNALED(status))
		fail("a child died of signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
}

void become(uid_t uid, gid_t gid)
{
	works(setgroups(0, NULL));
	works(setresgid(gid, gid, gid));
	works(setresuid(uid, uid, uid));
}

void put(const char *path, const char *text)
{
	int fd = (int)works(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	equal(write(fd, text, strlen(text)), strlen(text));
	works(close(fd));
}

const char *get(const char *path)
{
	static char text[8192];
	int fd = (int)works(open(path, O_RDONLY));
	size_t used = 0;
	ssize_t more;

	while ((more = works(read(fd, text + used, sizeof(text) - 1 - used))) > 0)
		used += (size_t)more;
	text[used] = 0;
	works(close(fd));
	return text;
}

void copy(const char *from, const char *to, mode_t mode)
{
	static char block[65536];
	int in = (int)works(open(from, O_RDONLY)), out;
	ssize_t size;

	out = (int)works(open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700));
	while ((size = works(read(in, block, sizeof(block)))) > 0)
		equal(write(out, block, (size_t)size), size);
	works(fchmod(out, mode));
	works(close(in));
	works(close(out));
}

const char *in_scratch(const char *name)
{
	static char paths[4][8192];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
	return path;
}

const char *link_text(const char *path)
{
	static char text[8192];
	ssize_t length = works(readlink(path, text, sizeof(text) - 1));

	text[length] = 0;
	return text;
}

int run(const char *path, char *const argv[], char *const envp[], const char **output)
{
	static char text[8192];
	extern char **environ;
	int ends[2], status;
	size_t used = 0;
	ssize_t more;
	pid_t pid;

	works(pipe2(ends, O_CLOEXEC));
	pid = spawn();
	if (!pid) {
		dup2(ends[1], 1);
		execve(path, argv, envp ? envp : environ);
		dprintf(ends[1], "%c%d", 0, errno);
		_exit(127);
	}
	close(ends[1]);
	while (used < sizeof(text) - 1 &&
	       (more = read(ends[0], text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)more;
	close(ends[0]);
	text[used] = 0;
	status = wait_status(pid);
	if (output)
		*output = text;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	if (WEXITSTATUS(status) == 127 && used > 1 && !text[0])
		return 1000 + atoi(text + 1);
	return WEXITSTATUS(status);
}

/* Deletes what a probe left, whatever its modes. */
static void clean(int parent, const char *name, int depth)
{
	int fd;
	DIR *listing;
	struct dirent *entry;

	if (!unlinkat(parent, name, 0) || errno == ENOENT || depth > 300)
		return;
	fchmodat(parent, name, 0700, 0);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	listing = fd < 0 ? NULL : fdopendir(fd);
	while (listing && (entry = readdir(listing)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			clean(fd, entry->d_name, depth + 1);
	if (listing)
		closedir(listing);
	unlinkat(parent, name, AT_REMOVEDIR);
}

static void enter(const struct probe *probe)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	umask(022);
	works(chdir(scratch));
	probe->run();
	_exit(OK);
}

/* The exit status of the probe, negative if it took too long; all of its session is dead after. */
static int supervise(pid_t pid, int seconds)
{
	struct timespec now, end;
	sigset_t child;
	int status = 0, done = 0;
	pid_t ended;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	for (;;) {
		int other;

		while ((ended = waitpid(-1, &other, WNOHANG)) > 0)
			if (ended == pid) {
				status = other;
				done = 1;
			}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (done || now.tv_sec >= end.tv_sec)
			break;
		sigtimedwait(&child, NULL, &(struct timespec){.tv_nsec = 200 * 1000 * 1000});
	}
	kill(-pid, SIGKILL);
	if (done)
		return status;
	waitpid(pid, &status, 0);
	return -1;
}

static int run_probe(const struct probe *probe, const char *top, int seconds, int quiet)
{
	const char *word = "FAIL";
	char text[64] = "";
	int status, result = FAILED;
	pid_t pid;

	memset(reason, 0, REASON);
	snprintf(scratch, sizeof(scratch), "%s/%s", top, probe->name);
	if (mkdir(scratch, 0755)) {
		printf("FAIL %s: cannot make %s: %s\n", probe->name, scratch, strerror(errno));
		return FAILED;
	}
	pid = fork();
	if (!pid)
		enter(probe);
	status = pid < 0 ? 0 : supervise(pid, seconds);
	if (pid < 0) {
		snprintf(text, sizeof(text), "cannot fork: %s", strerror(errno));
	} else if (status < 0) {
		snprintf(text, sizeof(text), "took more than %d s", seconds);
	} else if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "died of signal %d", WTERMSIG(status));
	} else {
		result = WEXITSTATUS(status);
		if (result == OK)
			word = "ok";
		else if (result == SKIPPED)
			word = "skip";
		else if (result != FAILED)
			snprintf(text, sizeof(text), "exited with %d", result);
	}
	if (result == OK) {
		if (!quiet)
			printf("ok %s\n", probe->name);
	} else if (result != SKIPPED || !quiet) {
		printf("%s %s: %s%s%s\n", word, probe->name, text, *text && *reason ? "; " : "", reason);
	}
	fflush(stdout);
	clean(AT_FDCWD, scratch, 0);
	return result;
}

static int matches(const char *name, char **patterns)
{
	for (int i = 0; i < excluded_count; i++)
		if (!fnmatch(excluded[i], name, 0))
			return 0;
	if (!*patterns)
		return 1;
	for (; *patterns; patterns++)
		if (!fnmatch(*patterns, name, 0))
			return 1;
	return 0;
}

static void find_self(const char *name)
{
	if (name[0] == '/')
		snprintf(self, sizeof(self), "%s", name);
	else if (!realpath(name, self) && readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		self[0] = 0;
}

static char **options(char **argv, const char **top, int *seconds, int *quiet, int *list)
{
	const struct {
		const char *name, **value;
	} paths[] = {
		{"--bind", &expected.bound}, {"--bind-file", &expected.bound_file},
		{"--nested", &expected.nested}, {"--absent", &expected.absent}, {"-s", top},
	};

	for (argv++; *argv && **argv == '-'; argv++) {
		size_t i;

		if (!strcmp(*argv, "-q")) {
			*quiet = 1;
			continue;
		}
		if (!strcmp(*argv, "-l")) {
			*list = 1;
			continue;
		}
		for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
			if (!strcmp(*argv, paths[i].name))
				break;
		if (!argv[1]) {
			fprintf(stderr, "probes: %s needs a value\n", *argv);
			exit(2);
		}
		if (i < sizeof(paths) / sizeof(paths[0]))
			*paths[i].value = argv[1];
		else if (!strcmp(*argv, "-u"))
			expected.uid = (uid_t)atol(argv[1]);
		else if (!strcmp(*argv, "-g"))
			expected.gid = (gid_t)atol(argv[1]);
		else if (!strcmp(*argv, "-t"))
			*seconds = atoi(argv[1]);
		else if (!strcmp(*argv, "-x") && excluded_count < 16)
			excluded[excluded_count++] = argv[1];
		else if (!strcmp(*argv, "--program") && expected.program_count < 8)
			expected.programs[expected.program_count++] = argv[1];
		else {
			fprintf(stderr, "probes: %s: unknown option\n", *argv);
			exit(2);
		}
		argv++;
	}
	return argv;
}

int main(int argc, char **argv)
{
	const char *place = "/tmp";
	int seconds = 10, quiet = 0, list = 0, counts[3] = {0, 0, 0};
	const struct probe *const *probe;
	char top[2048];
	char **patterns;
	sigset_t blocked;

	find_self(argv[0]);
	if (argc > 2 && !strcmp(argv[1], "--act"))
		return act(argc, argv);
	patterns = options(argv, &place, &seconds, &quiet, &list);
	reason = mmap(NULL, REASON, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(top, sizeof(top), "%s/probes.%d", place, (int)getpid());
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	if (!list && (reason == MAP_FAILED || mkdir(top, 0755))) {
		fprintf(stderr, "probes: %s: %s\n", top, strerror(errno));
		return 2;
	}
	for (probe = __start_probes; probe < __stop_probes; probe++) {
		int result;

		if (!matches((*probe)->name, patterns))
			continue;
		if (list) {
			puts((*probe)->name);
			continue;
		}
		result = run_probe(*probe, top, seconds, quiet);
		counts[result == OK ? 0 : result == SKIPPED ? 2 : 1]++;
	}
	if (list)
		return 0;
	rmdir(top);
	printf("%d ok, %d failed, %d skipped\n", counts[0], counts[1], counts[2]);
	return counts[1] != 0;
}
