/* loader.c: the host's shell, started by it on a stack like that of execve(2). */
#include "check.h"
#include "elf.h"
#include "loader.h"

enum { STACK = 1 << 17, TEXT = 1024 }; /* in words; bytes */

static uint64_t stack[STACK] __attribute__((aligned(16)));
static struct load_request request;
static char **environment;

static const char *const shell[] = {
	"zero", "-c",
	/* What it was given, what /proc says of it, and that its heap and its stack work. */
	"echo $0-$1-$VARIABLE; cat /proc/$$/comm; [ ! -e /proc/$$/fd/3 ] || echo it is open;"
	"i=0; while [ $i -lt 2000 ]; do s=$s$i; i=$((i+1)); done; echo ${#s};"
	"tr '\\0' ' ' < /proc/$$/cmdline | tail -c 9; tr '\\0' ' ' < /proc/$$/environ",
	"name", "arg", NULL
};
static const char said[] = "name-arg-x y\na-name\n6890\n";
static const char described[] = "name arg PATH=/usr/bin:/bin VARIABLE=x y ";

/* As execve(2) does: one string after the other, and pointers to them. */
static uint64_t *push_strings(uint64_t *at, const char *const *strings, char **text)
{
	for (; *strings; strings++) {
		join(*text, TEXT, *strings, NULL);
		*at++ = (uint64_t)*text;
		*text += length(*strings) + 1;
	}
	*at++ = 0;
	return at;
}

static void push_start(uint64_t *at)
{
	static const char *const env[] = {"PATH=/usr/bin:/bin", "VARIABLE=x y", NULL};
	static char strings[2 * TEXT];
	char *text = strings;
	uint64_t *vector;

	*at++ = sizeof shell / sizeof *shell - 1;
	at = push_strings(at, shell, &text);
	at = push_strings(at, env, &text);
	while (*environment++)
		;
	for (vector = (uint64_t *)environment; *vector; vector += 2) {
		*at++ = vector[0];
		*at++ = vector[1];
	}
	*at++ = 0;
	*at = 0;
}

/* Loads in a child; its exit status, and what it wrote. */
static int run(char *out)
{
	int ends[2], status = -1;
	long child, n, size = 0;

	CALL(pipe2, ends, 0, 0, 0, 0);
	child = sys_fork(0);
	if (child == 0) {
		CALL(dup3, ends[1], 1, 0, 0, 0);
		CALL(dup3, ends[1], 2, 0, 0, 0);
		for (int fd = 3; fd < 10; fd++)
			sys_close(fd);
		push_start(stack + STACK - 256);
		load(&request, stack + STACK - 256);
	}
	sys_close(ends[1]);
	while ((n = sys_read(ends[0], out + size, (size_t)(TEXT - 1 - size))) > 0)
		size += n;
	out[size] = 0;
	sys_close(ends[0]);
	sys_wait(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	static char out[TEXT];
	struct elf_header header;
	unsigned size;
	int fd = (int)sys_open("/bin/sh", O_RDONLY), status;

	environment = argv + argc + 1;
	if (fd < 0 || sys_read(fd, &header, sizeof header) != sizeof header ||
	    elf_kind(&header) != ELF_OURS)
		return check_skipped("/bin/sh is not a program for this machine");
	check(elf_interpreter(fd, &header, request.interpreter) == 0, "its dynamic linker");
	sys_close(fd);
	join(request.program, PATH_MAX, "/bin/sh", NULL);
	join(request.name, sizeof request.name, "a-name", NULL);
	status = run(out);
	/* Kernels without CONFIG_CHECKPOINT_RESTORE cannot be told where the arguments are. */
	if (CALL(prctl, PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) == 0 &&
	    !check(equal(out + sizeof said - 1, described), "as /proc has it"))
		check_say(out);
	out[sizeof said - 1] = 0;
	check(status == 0 && equal(out, said), "a shell");
	join(request.program, PATH_MAX, "/no/such", NULL);
	check(run(out) == 127 && equal(out, "test: cannot load /no/such: it cannot be opened\n"),
	      "no file");
	join(request.program, PATH_MAX, "/etc/passwd", NULL);
	check(run(out) == 127, "no program");
	join(request.program, PATH_MAX, "/proc/self/exe", NULL); /* not position-independent */
	check(run(out) == 127 &&
	      equal(out, "test: cannot load /proc/self/exe: its addresses are taken\n"),
	      "a program where we are");
	return check_report();
}
