/* Executing programs: execve(2). */
#include "probe.h"

#include <elf.h>
#include <pthread.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/mman.h>

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif

extern char **environ;

/* Makes a program of one page without libc: it exits with 42. */
struct image {
	Elf64_Ehdr head;
	Elf64_Phdr parts[4];
	unsigned char code[32];
	char interpreter[4096];
};

static struct image tiny(void)
{
	static const unsigned char code[] = {
#if defined(__x86_64__)
		0xb8, 231, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05, /* exit_group(42) */
#elif defined(__aarch64__)
		0xc8, 0x0b, 0x80, 0xd2, 0x40, 0x05, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4,
#endif
	};
	const uint64_t base = 0x10000000;
	struct image image = {
		.head = {
			.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_EXEC,
#if defined(__x86_64__)
			.e_machine = EM_X86_64,
#elif defined(__aarch64__)
			.e_machine = EM_AARCH64,
#endif
			.e_version = EV_CURRENT,
			.e_entry = base + offsetof(struct image, code),
			.e_phoff = offsetof(struct image, parts),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
		},
		.parts = {{
			.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = base, .p_paddr = base,
			.p_filesz = sizeof(struct image), .p_memsz = sizeof(struct image),
			.p_align = 0x1000,
		}},
	};

	memcpy(image.code, code, sizeof(code));
	return image;
}

static void exits_with_43(struct image *image)
{
#if defined(__x86_64__)
	image->code[6] = 43;
#elif defined(__aarch64__)
	image->code[4] = 0x60;
#endif
}

static void make_program(const char *path, const struct image *image, size_t size)
{
	int fd = (int)works(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755));

	equal(write(fd, image, size), size);
	works(close(fd));
}

static int run_image(const struct image *image)
{
	make_program("tiny", image, sizeof(*image));
	return run("./tiny", ARGV("tiny"), NULL, NULL);
}

static void make_script(const char *path, const char *first_line)
{
	put(path, first_line);
	works(chmod(path, 0755));
}

PROBE(exec_of_this_program)
{
	const char *output;

	equal(run(self, ARGV("any name", "--act", "arguments", "a b", "", "c"), NULL, &output), 0);
	same_text(output, "any name\na b\n\nc\n");
	equal(run(self, ARGV("x", "--act", "exit", "77"), NULL, NULL), 77);
}

PROBE(exec_of_other_builds)
{
	const char *output;
	char want[5000];

	if (!expected.program_count)
		skip("--program is not given");
	for (int i = 0; i < expected.program_count; i++) {
		const char *path = expected.programs[i];

		equal(run(path, ARGV("x", "--act", "arguments", "a"), NULL, &output), 0);
		same_text(output, "x\na\n");
		equal(run(path, ARGV("x", "--act", "link", "/proc/self/exe"), NULL, &output), 0);
		snprintf(want, sizeof(want), "%s\n", path);
		same_text(output, want);
		equal(run(path, ARGV("x", "--act", "compare-auxiliary"), NULL, NULL), 0);
		equal(run(path, ARGV("x", "--act", "again", self), NULL, &output), 0);
		same_text(output, "again\na\n");
	}
}

PROBE(exec_from_the_working_directory)
{
	const char *output;

	works(mkdir("d", 0755));
	copy(self, "d/program", 0755);
	equal(run("d/program", ARGV("x", "--act", "arguments"), NULL, &output), 0);
	works(chdir("d"));
	equal(run("program", ARGV("x", "--act", "arguments"), NULL, &output), 0);
	equal(run("../d/program", ARGV("x", "--act", "arguments"), NULL, &output), 0);
	works(symlink(in_scratch("d/program"), "link"));
	equal(run("./link", ARGV("x", "--act", "arguments"), NULL, &output), 0);
}

PROBE(exec_environment)
{
	const char *output;

	equal(run(self, ARGV("x", "--act", "environment"), ARGV("A=1", "B=", "no equals"), &output), 0);
	same_text(output, "A=1\nB=\nno equals\n");
	equal(run(self, ARGV("x", "--act", "environment"), (char *[]){NULL}, &output), 0);
	same_text(output, "");
}

PROBE(exec_without_arguments)
{
	/* Linux 5.18 and later give an empty name to a program that gets none. */
	struct image image = tiny();

	make_program("tiny", &image, sizeof(image));
	equal(run("./tiny", (char *[]){NULL}, (char *[]){NULL}, NULL), 42);
	equal(run("./tiny", NULL, (char *[]){NULL}, NULL), 42);
}

PROBE(exec_of_a_small_program)
{
	struct image image = tiny();

	equal(run_image(&image), 42);
}

PROBE(exec_of_a_program_that_can_be_anywhere)
{
	struct image image = tiny();

	image.head.e_type = ET_DYN;
	image.head.e_entry = offsetof(struct image, code);
	image.parts[0].p_vaddr = image.parts[0].p_paddr = 0;
	equal(run_image(&image), 42);
	image.parts[0].p_align = 0x200000;
	equal(run_image(&image), 42);
}

PROBE(exec_with_an_interpreter)
{
	struct image image = tiny(), loader = tiny();

	loader.head.e_type = ET_DYN;
	loader.head.e_entry = offsetof(struct image, code);
	loader.parts[0].p_vaddr = 0;
	exits_with_43(&loader);
	make_program("loader", &loader, sizeof(loader));
	image.parts[1] = image.parts[0];
	image.parts[0] = (Elf64_Phdr){
		.p_type = PT_INTERP, .p_flags = PF_R, .p_offset = offsetof(struct image, interpreter),
		.p_filesz = strlen(in_scratch("loader")) + 1, .p_align = 1,
	};
	image.head.e_phnum = 2;
	strcpy(image.interpreter, in_scratch("loader"));
	equal(run_image(&image), 43);
	works(rename("loader", "real"));
	works(symlink(in_scratch("real"), "loader"));
	equal(run_image(&image), 43);
	works(unlink("loader"));
	equal(run_image(&image), 1000 + ENOENT);
	make_script("loader", "not ELF, but as long as the header of one, so that it can be read\n");
	equal(run_image(&image), 1000 + ELIBBAD);
	works(unlink("loader"));
	works(mkdir("loader", 0755));
	equal(run_image(&image), 1000 + EACCES);
}

PROBE(exec_of_damaged_programs)
{
	struct image image = tiny();

	image.head.e_machine = EM_S390;
	equal(run_image(&image), 1000 + ENOEXEC);
	image = tiny();
	image.head.e_type = ET_REL;
	equal(run_image(&image), 1000 + ENOEXEC);
	image = tiny();
	image.head.e_phnum = 0;
	equal(run_image(&image), 1000 + ENOEXEC);
	image = tiny();
	image.head.e_phentsize = 1;
	equal(run_image(&image), 1000 + ENOEXEC);
	image = tiny();
	image.head.e_phoff = 1ULL << 60;
	check(run_image(&image) > 1000);
	image = tiny();
	make_program("tiny", &image, 20);
	equal(run("./tiny", ARGV("tiny"), NULL, NULL), 1000 + ENOEXEC);
	make_program("tiny", &image, 0);
	equal(run("./tiny", ARGV("tiny"), NULL, NULL), 1000 + ENOEXEC);
}

PROBE(exec_of_text_without_interpreter)
{
	make_script("text", "echo hello\n");
	equal(run("./text", ARGV("text"), NULL, NULL), 1000 + ENOEXEC);
	make_script("text", "#!\n");
	equal(run("./text", ARGV("text"), NULL, NULL), 1000 + ENOEXEC);
	make_script("text", "#!   \n");
	equal(run("./text", ARGV("text"), NULL, NULL), 1000 + ENOEXEC);
}

PROBE(exec_permissions)
{
	put("file", "x");
	works(mkdir("d", 0755));
	equal(run("./file", ARGV("x"), NULL, NULL), 1000 + EACCES);
	equal(run("./d", ARGV("x"), NULL, NULL), 1000 + EACCES);
	equal(run("./missing", ARGV("x"), NULL, NULL), 1000 + ENOENT);
	equal(run("./file/x", ARGV("x"), NULL, NULL), 1000 + ENOTDIR);
	works(symlink("loop", "loop"));
	equal(run("./loop", ARGV("x"), NULL, NULL), 1000 + ELOOP);
	works(mkfifo("fifo", 0755));
	equal(run("./fifo", ARGV("x"), NULL, NULL), 1000 + EACCES);
	copy(self, "program", 0644);
	equal(run("./program", ARGV("x"), NULL, NULL), 1000 + EACCES);
	equal(run("./program/", ARGV("x"), NULL, NULL), 1000 + ENOTDIR);
	equal(run("/dev/null", ARGV("x"), NULL, NULL), 1000 + EACCES);
}

PROBE(exec_bad_pointers)
{
	refused(syscall(SYS_execve, self, (char **)8, NULL), EFAULT);
	refused(syscall(SYS_execve, self, ARGV("x"), (char **)8), EFAULT);
	refused(syscall(SYS_execve, self, ((char *[]){(char *)8, NULL}), NULL), EFAULT);
}

PROBE(script)
{
	char text[5000], want[10000];
	const char *output;

	snprintf(text, sizeof(text), "#!%s --act\nthe rest\n", self);
	make_script("arguments", text);
	equal(run("./arguments", ARGV("lost", "a", "b c"), NULL, &output), 0);
	snprintf(want, sizeof(want), "%s\na\nb c\n", self);
	same_text(output, want);
	works(chdir("/"));
	equal(run(in_scratch("arguments"), ARGV("lost"), NULL, &output), 0);
	works(chdir(scratch));
	works(symlink("arguments", "link"));
	snprintf(text, sizeof(text), "#!%s --act\nthe rest\n", self);
	make_script("exit", text);
	equal(run("exit", ARGV("lost", "5"), NULL, NULL), 5);
}

PROBE(script_line)
{
	char text[5000];

	snprintf(text, sizeof(text), "#! \t %s \t --act  \t\nthe rest\n", self);
	make_script("exit", text);
	equal(run("./exit", ARGV("x", "6"), NULL, NULL), 6);
	snprintf(text, sizeof(text), "#!%s --act", self);
	make_script("exit", text);
	equal(run("./exit", ARGV("x", "7"), NULL, NULL), 7);
	snprintf(text, sizeof(text), "#!%s\r\n", self);
	make_script("exit", text);
	equal(run("./exit", ARGV("x", "7"), NULL, NULL), 1000 + ENOENT);
}

PROBE(script_of_a_script)
{
	char text[5000], want[20000];
	const char *output;

	snprintf(text, sizeof(text), "#!%s --act\n", self);
	make_script("arguments", text);
	snprintf(text, sizeof(text), "#!%s one argument\n", in_scratch("arguments"));
	make_script("second", text);
	equal(run("./second", ARGV("x", "a"), NULL, &output), 0);
	snprintf(want, sizeof(want), "%s\none argument\n./second\na\n", self);
	same_text(output, want);
}

PROBE(script_of_too_many_scripts)
{
	char text[5000], name[16] = "s0", previous[16];

	snprintf(text, sizeof(text), "#!%s --act\n", self);
	make_script("s0", text);
	for (int i = 1; i < 8; i++) {
		memcpy(previous, name, sizeof(name));
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(text, sizeof(text), "#!%s\n", in_scratch(previous));
		make_script(name, text);
	}
	equal(run("./s7", ARGV("x"), NULL, NULL), 1000 + ELOOP);
	snprintf(text, sizeof(text), "#!%s\n", in_scratch("self"));
	make_script("self", text);
	equal(run("./self", ARGV("x"), NULL, NULL), 1000 + ELOOP);
}

PROBE(script_without_its_interpreter)
{
	make_script("script", "#!/no/such/interpreter\n");
	equal(run("./script", ARGV("x"), NULL, NULL), 1000 + ENOENT);
	make_script("script", "#!/\n");
	equal(run("./script", ARGV("x"), NULL, NULL), 1000 + EACCES);
	make_script("script", "#!/dev/null\n");
	equal(run("./script", ARGV("x"), NULL, NULL), 1000 + EACCES);
}

PROBE(script_of_a_relative_interpreter)
{
	copy(self, "program", 0755);
	make_script("exit", "#!./program --act\n");
	equal(run("./exit", ARGV("x", "8"), NULL, NULL), 8);
	make_script("exit", "#!program --act\n");
	equal(run(in_scratch("exit"), ARGV("x", "9"), NULL, NULL), 9);
	works(mkdir("d", 0755));
	works(chdir("d"));
	equal(run("../exit", ARGV("x", "9"), NULL, NULL), 1000 + ENOENT);
}

PROBE(script_with_a_long_line)
{
	char text[1000] = "#!", path[300];

	/* A path that the 256 bytes of a line cannot hold is not cut to another one. */
	memset(path, '/', sizeof(path));
	snprintf(path + 250, 50, "%.40s", "bin/no-such-program-here");
	snprintf(text, sizeof(text), "#!%s\n", path);
	make_script("script", text);
	equal(run("./script", ARGV("x"), NULL, NULL), 1000 + ENOEXEC);
}

static void act_by_descriptor(int fd, const char *path, int flags)
{
	pid_t pid = spawn();

	if (!pid) {
		syscall(SYS_execveat, fd, path, ARGV("x", "--act", "exit", "11"), environ, flags);
		_exit(97);
	}
	equal(wait_status(pid), 11 << 8);
}

PROBE(execveat_of_paths)
{
	int fd;

	works(mkdir("d", 0755));
	copy(self, "d/program", 0755);
	works(symlink("program", "d/link"));
	fd = (int)works(open("d", O_RDONLY | O_DIRECTORY));
	act_by_descriptor(fd, "program", 0);
	act_by_descriptor(fd, "link", 0);
	act_by_descriptor(AT_FDCWD, "d/program", 0);
	act_by_descriptor(-1, in_scratch("d/program"), 0);
	refused(syscall(SYS_execveat, fd, "link", ARGV("x"), environ, AT_SYMLINK_NOFOLLOW), ELOOP);
	refused(syscall(SYS_execveat, fd, "missing", ARGV("x"), environ, 0), ENOENT);
	refused(syscall(SYS_execveat, 99, "program", ARGV("x"), environ, 0), EBADF);
	refused(syscall(SYS_execveat, fd, "program", ARGV("x"), environ, 0x8), EINVAL);
	refused(syscall(SYS_execveat, fd, "", ARGV("x"), environ, 0), ENOENT);
	refused(syscall(SYS_execveat, fd, "", ARGV("x"), environ, AT_EMPTY_PATH), EACCES);
}

PROBE(execveat_of_descriptors)
{
	copy(self, "program", 0755);
	act_by_descriptor((int)works(open("program", O_PATH)), "", AT_EMPTY_PATH);
	act_by_descriptor((int)works(open("program", O_RDONLY | O_CLOEXEC)), "", AT_EMPTY_PATH);
}

PROBE(fexecve_of_a_deleted_program)
{
	int fd;
	pid_t pid;

	copy(self, "program", 0755);
	fd = (int)works(open("program", O_RDONLY | O_CLOEXEC));
	works(unlink("program"));
	act_by_descriptor(fd, "", AT_EMPTY_PATH);
	pid = spawn();
	if (!pid) {
		fexecve(fd, ARGV("x", "--act", "exit", "12"), environ);
		_exit(97);
	}
	equal(wait_status(pid), 12 << 8);
}

static int memory_file(unsigned flags, const char *content)
{
	int fd = (int)works(syscall(SYS_memfd_create, "program", flags)), from;
	static char block[65536];
	ssize_t size;

	if (content) {
		equal(write(fd, content, strlen(content)), strlen(content));
		return fd;
	}
	from = (int)works(open(self, O_RDONLY));
	while ((size = works(read(from, block, sizeof(block)))) > 0)
		equal(write(fd, block, (size_t)size), size);
	works(close(from));
	return fd;
}

PROBE(exec_of_memory)
{
	char path[64];

	act_by_descriptor(memory_file(0, NULL), "", AT_EMPTY_PATH);
	act_by_descriptor(memory_file(MFD_CLOEXEC, NULL), "", AT_EMPTY_PATH);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory_file(MFD_CLOEXEC, NULL));
	equal(run(path, ARGV("x", "--act", "exit", "13"), NULL, NULL), 13);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), memory_file(0, NULL));
	equal(run(path, ARGV("x", "--act", "exit", "14"), NULL, NULL), 14);
}

PROBE(exec_of_a_script_in_memory)
{
	char text[5000];
	int fd;

	snprintf(text, sizeof(text), "#!%s --act\n", self);
	fd = memory_file(0, text);
	/* The interpreter gets /dev/fd/N, whose last part is no part that it plays. */
	if (!access("/dev/fd", F_OK)) {
		pid_t pid = spawn();

		if (!pid) {
			syscall(SYS_execveat, fd, "", ARGV("x"), environ, AT_EMPTY_PATH);
			_exit(97);
		}
		equal(wait_status(pid), 99 << 8);
	}
	fd = memory_file(MFD_CLOEXEC, text);
	refused(syscall(SYS_execveat, fd, "", ARGV("x"), environ, AT_EMPTY_PATH), ENOENT);
}

PROBE(exec_check)
{
	int fd = open(self, O_RDONLY);

	if (syscall(SYS_execveat, fd, "", ARGV("x"), environ, AT_EMPTY_PATH | AT_EXECVE_CHECK)) {
		check(errno == EINVAL);
		skip("not in this kernel");
	}
	put("file", "x");
	refused(syscall(SYS_execveat, AT_FDCWD, "file", ARGV("x"), environ, AT_EXECVE_CHECK), EACCES);
}

PROBE(exec_of_proc_self_exe)
{
	const char *output;

	equal(run("/proc/self/exe", ARGV("x", "--act", "arguments", "a"), NULL, &output), 0);
	same_text(output, "x\na\n");
	equal(run("/proc/self/exe", ARGV("x", "--act", "again", "/proc/self/exe"), NULL, &output), 0);
	same_text(output, "again\na\n");
}

PROBE(exec_of_a_deleted_self)
{
	const char *output;

	copy(self, "program", 0755);
	equal(run("./program", ARGV("x", "--act", "again", "/proc/self/exe"), NULL, &output), 0);
	same_text(output, "again\na\n");
}

PROBE(exec_many_arguments)
{
	static char *arguments[5005];
	static char text[200];
	const char *output;

	memset(text, 'x', 199);
	for (int i = 0; i < 5003; i++)
		arguments[i] = text;
	arguments[0] = arguments[1] = "--act";
	arguments[2] = "count";
	equal(run(self, arguments, (char *[]){"A=1", NULL}, &output), 0);
	same_text(output, "5000 995000\n");
}

/* More of them than a new stack holds besides: its interpreter needs all of them once more. */
PROBE(exec_script_many_arguments)
{
	static char *arguments[20002];
	const char *output;

	put("script", "#!/bin/sh\necho $#\n");
	works(chmod("script", 0755));
	for (int i = 0; i < 20001; i++)
		arguments[i] = "an argument of some length";
	equal(run("./script", arguments, (char *[]){"A=1", NULL}, &output), 0);
	same_text(output, "20000\n");
}

PROBE(exec_long_argument)
{
	char *text = malloc(131072 + 1);
	const char *output;

	memset(text, 'x', 131072);
	text[131071] = 0;
	equal(run(self, ARGV("x", "--act", "count", text), NULL, &output), 0);
	same_text(output, "1 131071\n");
	text[131071] = 'x';
	text[131072] = 0;
	refused(execve(self, ARGV("x", "--act", "count", text), environ), E2BIG);
}

PROBE(exec_auxiliary_vector)
{
	const char *output;
	char want[5000];

	equal(run(self, ARGV("x", "--act", "auxiliary"), NULL, &output), 0);
	snprintf(want, sizeof(want), "%s %u %u 0\n", self, expected.uid, expected.gid);
	same_text(output, want);
	copy(self, "program", 0755);
	works(symlink("program", "link"));
	equal(run("./link", ARGV("x", "--act", "auxiliary"), NULL, &output), 0);
	snprintf(want, sizeof(want), "./link %u %u 0\n", expected.uid, expected.gid);
	same_text(output, want);
}

PROBE(exec_keeps_what_it_should)
{
	const char *output;
	sigset_t blocked;
	char want[64];

	/* A shell's job in the background ignores these. */
	works((long)signal(SIGINT, SIG_DFL));
	works((long)signal(SIGQUIT, SIG_DFL));
	works((long)signal(SIGUSR1, SIG_IGN));
	works((long)signal(SIGUSR2, _exit));
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGHUP);
	works(sigprocmask(SIG_BLOCK, &blocked, NULL));
	equal(run(self, ARGV("x", "--act", "signals"), NULL, &output), 0);
	snprintf(want, sizeof(want), "b%d i%d \n", SIGHUP, SIGUSR1);
	same_text(output, want);
	works(dup2(1, 50));
	works(fcntl((int)works(dup2(1, 51)), F_SETFD, FD_CLOEXEC));
	equal(run(self, ARGV("x", "--act", "descriptors"), NULL, &output), 0);
	same_text(output, "50\n");
}

static void *execute(void *program)
{
	execve(program, ARGV("x", "--act", "pid"), environ);
	return NULL;
}

static void *wait_forever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

PROBE(exec_from_a_thread)
{
	pthread_t thread;
	char want[64], got[64] = "";
	int ends[2];
	pid_t pid;

	for (int i = 0; i < 5; i++) {
		works(pipe(ends));
		pid = spawn();
		if (!pid) {
			dup2(ends[1], 1);
			pthread_create(&thread, NULL, wait_forever, NULL);
			pthread_create(&thread, NULL, execute, self);
			wait_forever(NULL);
		}
		equal(wait_status(pid), 0);
		works(read(ends[0], got, sizeof(got) - 1));
		snprintf(want, sizeof(want), "%d %d %d\n", (int)pid, (int)pid, (int)getpid());
		same_text(got, want);
		close(ends[0]);
		close(ends[1]);
		memset(got, 0, sizeof(got));
	}
}

PROBE(exec_from_the_first_thread)
{
	pthread_t thread;
	pid_t pid = spawn();

	if (!pid) {
		for (int i = 0; i < 8; i++)
			pthread_create(&thread, NULL, wait_forever, NULL);
		execve(self, ARGV("x", "--act", "exit", "15"), environ);
		_exit(97);
	}
	equal(wait_status(pid), 15 << 8);
}

PROBE(exec_from_several_threads_at_once)
{
	pthread_t thread;
	pid_t pid = spawn();

	if (!pid) {
		dup2((int)works(open("/dev/null", O_WRONLY)), 1);
		for (int i = 0; i < 4; i++)
			pthread_create(&thread, NULL, execute, self);
		wait_forever(NULL);
	}
	equal(wait_status(pid), 0);
}

PROBE(exec_that_fails_leaves_all_as_it_was)
{
	pthread_t thread;

	works(pthread_create(&thread, NULL, wait_forever, NULL));
	for (int i = 0; i < 20; i++)
		refused(execve("missing", ARGV("x"), environ), ENOENT);
	same_text(link_text("/proc/self/exe"), self);
	works(pthread_kill(thread, 0));
}

PROBE(exec_a_hundred_times)
{
	for (int i = 0; i < 100; i++)
		equal(run(self, ARGV("x", "--act", "exit", "3"), NULL, NULL), 3);
}

PROBE(exec_by_posix_spawn)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all;
	pid_t pid;

	put("input", "12345");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "input", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "output", O_WRONLY | O_CREAT, 0644);
	posix_spawnattr_init(&attributes);
	sigfillset(&all);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	equal(posix_spawn(&pid, self, &actions, &attributes, ARGV("x", "--act", "arguments", "b"),
	                  environ), 0);
	equal(wait_status(pid), 0);
	same_text(get("output"), "x\nb\n");
	equal(posix_spawn(&pid, "./missing", NULL, NULL, ARGV("x"), environ), ENOENT);
}

PROBE(exec_of_the_shell)
{
	FILE *pipe;
	char text[64] = "";

	if (access("/bin/sh", X_OK))
		skip("no /bin/sh");
	equal(system("exit 9"), 9 << 8);
	equal(system("cd / && test -d proc && test \"$(pwd)\" = /"), 0);
	pipe = popen("for i in 1 2 3; do echo $i; done | tail -n 1", "r");
	check(pipe);
	check(fgets(text, sizeof(text), pipe));
	same_text(text, "3\n");
	equal(pclose(pipe), 0);
}
