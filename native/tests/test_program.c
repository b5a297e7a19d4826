/* program.c beside the kernel: what execve(2) answers, and the arguments that scripts get. */
#include "check.h"
#include "elf.h"
#include "ids.h"
#include "program.h"
#include "view.h"

enum { TEXT = 2 * PATH_MAX };

static struct view view;
static struct ids ids;
static struct container container = {.view = &view};
static struct subject self = {
	.container = &container, .proc = "/proc/self", .chroot = "", .ids = &ids
};
static struct scratch scratch;
static struct program program;
static char *tree, *interpreter, *const tail[] = {"zero", "tail", NULL};

static const char *in_tree(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	join(path, PATH_MAX, tree, "/", name, NULL);
	return path;
}

static const char *put(const char *name, const void *data, size_t size, unsigned mode)
{
	const char *path = in_tree(name);
	int fd = (int)sys_openat(AT_FDCWD, path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	sys_write(fd, data, size);
	CALL(fchmod, fd, mode, 0, 0, 0);
	sys_close(fd);
	return path;
}

/* A script of `text`, where "@" stands for the interpreter. */
static const char *put_script(const char *name, const char *text)
{
	char content[TEXT], one[2] = "";

	content[0] = 0;
	for (; *text; text++) {
		one[0] = *text;
		join(content + length(content), sizeof content - length(content),
		     *text == '@' ? interpreter : one, NULL);
	}
	return put(name, content, length(content), 0755);
}

static void say_error(char *out, long error)
{
	char digits[DECIMAL_SIZE];

	join(out, TEXT, "error ", decimal(digits, (uint64_t)-error), NULL);
}

static void by_kernel(int dirfd, const char *path, int flags, char *out)
{
	int ends[2], status;
	long child, n, size = 0;
	char *const none[] = {NULL};

	CALL(pipe2, ends, 0, 0, 0, 0);
	child = sys_fork(0);
	if (child == 0) {
		CALL(dup3, ends[1], 1, 0, 0, 0);
		say_error(out, CALL(execveat, dirfd, path, tail, none, flags));
		check_say(out);
		sys_exit(0);
	}
	sys_close(ends[1]);
	while ((n = sys_read(ends[0], out + size, (size_t)(TEXT - 1 - size))) > 0)
		size += n;
	out[size] = 0;
	sys_close(ends[0]);
	sys_wait(child, &status, 0);
}

static long find(int dirfd, const char *path, int flags)
{
	struct call call = {
		.number = NR_execveat, .args = {dirfd, (long)path, (long)tail, 0, flags},
		.subject = &self, .scratch = &scratch
	};

	return program_find(&call, dirfd, path, flags, &program);
}

static void by_us(int dirfd, const char *path, int flags, char *out)
{
	long error = find(dirfd, path, flags);

	out[0] = 0;
	if (error < 0)
		say_error(out, error);
	for (unsigned i = 0; error == 0 && i < program.count; i++)
		join(out + length(out), TEXT - length(out), program.extra[i], "\n", NULL);
	for (unsigned i = program.skip; error == 0 && tail[i]; i++)
		join(out + length(out), TEXT - length(out), tail[i], "\n", NULL);
	if (error == 0)
		program_release(&program);
}

static void same(int dirfd, const char *path, int flags, const char *what)
{
	static char kernels[TEXT], ours[TEXT];

	by_kernel(dirfd, path, flags, kernels);
	by_us(dirfd, path, flags, ours);
	if (!check(equal(kernels, ours), what)) {
		check_say(kernels);
		check_say("\nbut we say\n");
		check_say(ours);
		check_say("\n");
	}
}

static void lines(void)
{
	static const char *const texts[] = {
		"#!@\n", "#!@", "#! @ one two  \n", "#!\t@\t x \t\ny", "#!@ arg", "#!@ \n", "#!\n",
		"#!   \n", "#!", "#! ", "#!@\r\n", "#!/no/such\n", "#!/\n", "#!/etc/passwd\n", "text\n",
		"\177ELF", "#", "#!nowhere\n", "#!@ x  ", "#!@ ", "#!@  ", "#!/usr/../@\n",
		"#!@\n#!@ x\n", " #!@\n"
	};
	static const char *const repeated[] = {"#!@ b", "#!/", "#! ", "#!@\n", "#!@ x\nb"};
	char text[600];

	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
		same(AT_FDCWD, put_script("script", texts[i]), 0, texts[i]);
	for (unsigned i = 0; i < sizeof repeated / sizeof *repeated; i++)
		for (size_t size = 0; size < 300; size += size < 10 || size > 150 ? 1 : 70) {
			size_t start = length(repeated[i]);
			char last = repeated[i][start - 1];

			join(text, sizeof text, repeated[i], NULL);
			for (size_t j = start; j < start + size; j++)
				text[j] = last == '/' ? 'a' : last;
			text[start + size] = 0;
			same(AT_FDCWD, put_script("script", text), 0, repeated[i]);
		}
	same(AT_FDCWD, put("script", "#!/\0 x\n", 7, 0755), 0, "a NUL");
	same(AT_FDCWD, put("script", "", 0, 0755), 0, "empty");
}

static void chains(void)
{
	char name[] = "0/script", line[PATH_MAX], one[] = "0";

	for (char c = '0'; c < '8'; c++) {
		one[0] = name[0] = c;
		sys_mkdirat(AT_FDCWD, in_tree(one), 0700);
		name[0] = (char)(c - 1);
		join(line, sizeof line, "#!", c == '0' ? "@" : in_tree(name), " ", one, "\n", NULL);
		name[0] = c;
		same(AT_FDCWD, put_script(name, line), 0, "a script's interpreter is a script");
	}
}

static void descriptors(void)
{
	int dir = (int)sys_open(tree, O_DIRECTORY), kept, closed;

	put_script("script", "#!@ x\n");
	CALL(unlinkat, AT_FDCWD, in_tree("link"), 0, 0, 0);
	sys_symlinkat("script", AT_FDCWD, in_tree("link"));
	closed = (int)sys_openat(dir, "script", O_RDONLY, 0);
	kept = (int)CALL(openat, dir, "script", O_RDONLY, 0, 0);
	dir = (int)CALL(dup, dir, 0, 0, 0, 0);
	same(kept, "", AT_EMPTY_PATH, "a descriptor");
	same(kept, "", 0, "a descriptor, but not asked for");
	same(closed, "", AT_EMPTY_PATH, "a descriptor that execve closes");
	same(dir, "script", 0, "a script in a directory");
	same(dir, "script", AT_SYMLINK_NOFOLLOW, "no link");
	same(dir, "link", 0, "a link");
	same(dir, "link", AT_SYMLINK_NOFOLLOW, "a link is not followed");
	same(dir, "", AT_EMPTY_PATH, "a directory");
	same(AT_FDCWD, "", AT_EMPTY_PATH, "the working directory");
	same(999, "", AT_EMPTY_PATH, "no descriptor");
	same(999, "x", 0, "no descriptor of a directory");
	same(-1, "", AT_EMPTY_PATH, "no descriptor at all");
	same(kept, "x", 0, "a file for a directory");
	same(dir, "script", 1, "an unknown flag");
	CALL(fcntl, closed, 2 /* F_SETFD */, 0, 0, 0);
	CALL(fchmod, kept, 0644, 0, 0, 0);
	same(AT_FDCWD, in_tree("script"), 0, "not executable");
	same(AT_FDCWD, in_tree("script/"), 0, "a slash at the end");
	same(AT_FDCWD, in_tree("script/x"), 0, "below a file");
	same(AT_FDCWD, tree, 0, "a directory by name");
	CALL(mknodat, AT_FDCWD, in_tree("fifo"), 0010755, 0, 0);
	same(AT_FDCWD, in_tree("fifo"), 0, "a FIFO");
}

/* An ELF file for `machine` with the given dynamic linker; nothing that would run. */
static const char *put_elf(const char *name, unsigned machine, const char *linker, size_t size)
{
	struct {
		struct elf_header header;
		struct elf_segment segments[2];
		char linker[64];
	} file = {
		.header = {
			.magic = {0x7f, 'E', 'L', 'F'}, .class = ELF_CLASS_64, .data = ELF_LITTLE,
			.version = 1, .type = ELF_SHARED, .machine = (uint16_t)machine,
			.object_version = 1, .segments_at = sizeof(struct elf_header),
			.header_size = sizeof(struct elf_header),
			.segment_size = sizeof(struct elf_segment), .segment_count = 2
		},
		.segments = {
			{.type = SEGMENT_INTERPRETER, .offset = sizeof(struct elf_header) +
			 2 * sizeof(struct elf_segment), .file_size = size},
			{.type = SEGMENT_LOAD, .flags = SEGMENT_R, .file_size = 64, .memory_size = 64}
		}
	};

	join(file.linker, sizeof file.linker, linker, NULL);
	return put(name, &file, sizeof file, 0755);
}

static void elf_files(void)
{
	struct elf_header header = {.magic = {0x7f, 'E', 'L', 'F'}};
	char text[64];

	same(AT_FDCWD, put_elf("elf", ELF_MACHINE, "/no/such/ld", 12), 0, "no dynamic linker");
	same(AT_FDCWD, put_elf("elf", ELF_MACHINE, "/etc/passwd", 12), 0, "not executable");
	same(AT_FDCWD, put_elf("elf", ELF_MACHINE, "/", 2), 0, "a directory");
	same(AT_FDCWD, put_elf("elf", ELF_MACHINE, "/no/such/ld", 11), 0, "it has no end");
	same(AT_FDCWD, put_elf("elf", ELF_MACHINE, "/no/such/ld", 1), 0, "too short");
	same(AT_FDCWD, put_elf("elf", ELF_MACHINE, "/no/such/ld", PATH_MAX + 1), 0, "too long");
	same(AT_FDCWD, put_elf("elf", ELF_MACHINE, "/no/such/ld", 2000), 0, "longer than the file");
	same(AT_FDCWD, put("elf", &header, sizeof header, 0755), 0, "half of a header");
	put_elf("ld", ELF_MACHINE ^ 1, "", 12);
	CALL(chdir, tree, 0, 0, 0, 0);
	same(AT_FDCWD, put_elf("elf", ELF_MACHINE, "ld", 3), 0, "a linker for another machine");
	put_script("ld", "no ELF file, though as long as a header: ..................................");
	same(AT_FDCWD, put_elf("elf", ELF_MACHINE, "./ld", 5), 0, "a linker that is none");

	check(find(AT_FDCWD, put_elf("elf", ELF_MACHINE ^ 1, "ld", 3), 0) == -ENOEXEC, "foreign");
	check(program.why, "and it says so");
	header.class = ELF_CLASS_32, header.data = ELF_LITTLE, header.type = ELF_EXECUTABLE;
	check(find(AT_FDCWD, put("elf", &header, sizeof header, 0755), 0) == -ENOEXEC, "32 bits");
	check(program.why, "and it says so");
	check(find(AT_FDCWD, "/proc/self/exe", 0) == 0 && !program.interpreter[0] &&
	      equal(program.name, "exe") && equal(program.filename, "/proc/self/exe") &&
	      program.held[0] == -1, "the test itself");

	container.emulator = interpreter;
	check(find(AT_FDCWD, put_elf("script", ELF_MACHINE ^ 1, "", 2), 0) == 0 &&
	      equal(program.host, interpreter) && equal(program.exe, in_tree("script")), "emulated");
	join(text, sizeof text, program.extra[1], program.extra[2], NULL);
	check(program.count == 4 && program.skip == 1 && equal(program.extra[0], interpreter) &&
	      equal(text, "-0zero") && equal(program.extra[3], in_tree("script")), "its arguments");
	join(text, sizeof text, "#!./elf arg", NULL);
	put_elf("elf", ELF_MACHINE ^ 1, "", 2);
	check(find(AT_FDCWD, put_script("script", text), 0) == 0 && program.count == 6 &&
	      equal(program.extra[2], "./elf") && equal(program.extra[3], "./elf") &&
	      equal(program.extra[4], "arg") && equal(program.extra[5], in_tree("script")),
	      "a script with an emulated interpreter");
	container.emulator = put_elf("emulator", ELF_MACHINE, "/no/such/ld", 12);
	check(find(AT_FDCWD, in_tree("elf"), 0) == -ENOEXEC && program.why, "a dynamic emulator");
	container.emulator = NULL;
}

/* Files without a path: the program's descriptor is gone when they are loaded. */
static void nameless(void)
{
	struct elf_header header = {.magic = {0x7f, 'E', 'L', 'F'}};
	char link[FD_PATH_SIZE];
	int fd = (int)CALL(memfd_create, "some-name", 1 /* MFD_CLOEXEC */, 0, 0, 0);
	int source = (int)sys_open(put_elf("elf", ELF_MACHINE, "", 0), O_RDONLY);
	struct elf_segment none[2] = {{.type = 0}};

	CALL(sendfile, fd, source, 0, 4096, 0);
	CALL(pwrite64, fd, none, sizeof none, sizeof header, 0);
	check(find(fd, "", AT_EMPTY_PATH) == 0 && program.held[0] >= 0, "a memfd is held");
	check(equal(program.exe, "/memfd:some-name (deleted)") &&
	      equal(program.name, "memfd:some-name"), "its name");
	sys_close(fd);
	fd = (int)sys_open(program.host, O_RDONLY);
	check(CALL(pread64, fd, &header, sizeof header, 0, 0) == sizeof header &&
	      elf_kind(&header) == ELF_OURS, "it can still be opened");
	check(find(AT_FDCWD, fd_path(link, fd), 0) == 0 && program.held[0] >= 0, "by /proc/self/fd");
	program_release(&program);
	check(program.held[0] == -1, "released");
	CALL(pwrite64, source, none, sizeof none, sizeof header, 0);
	sys_close(source);
	source = (int)sys_open(put_elf("elf", ELF_MACHINE, "", 0), O_RDWR);
	CALL(pwrite64, source, none, sizeof none, sizeof header, 0);
	check(find(source, "", AT_EMPTY_PATH) == 0 && program.held[0] == -1 &&
	      equal(program.host, in_tree("elf")), "a file with a name is not held");
	CALL(unlinkat, AT_FDCWD, in_tree("elf"), 0, 0, 0);
	check(find(source, "", AT_EMPTY_PATH) == 0 && program.held[0] >= 0 &&
	      equal(program.name, "elf"), "a deleted file is");
	program_release(&program);
	put_elf("elf", ELF_MACHINE, "", 0);
	check(find(source, "", AT_EMPTY_PATH) == 0 && program.held[0] >= 0, "also when replaced");
	program_release(&program);
}

/* The linker is looked for inside, where absolute links are absolute. */
static void in_root(void)
{
	struct elf_segment none[2] = {{.type = 0}};
	int fd;

	view.count = 0;
	view_bind(&view, tree, "", 1);
	sys_mkdirat(AT_FDCWD, in_tree("lib"), 0755);
	sys_mkdirat(AT_FDCWD, in_tree("lib64"), 0755);
	sys_symlinkat("/lib/ld.so", AT_FDCWD, in_tree("lib64/ld.so"));
	fd = (int)sys_open(put_elf("lib/ld.so", ELF_MACHINE, "", 0), O_WRONLY);
	CALL(pwrite64, fd, none, sizeof none, sizeof(struct elf_header), 0);
	put_elf("elf", ELF_MACHINE, "/lib64/ld.so", 13);
	check(find(AT_FDCWD, "/elf", 0) == 0 && equal(program.host, in_tree("elf")) &&
	      equal(program.exe, "/elf") && equal(program.interpreter, in_tree("lib/ld.so")),
	      "an absolute link to the dynamic linker");
	CALL(fchmodat, AT_FDCWD, in_tree("elf"), 04605, 0, 0);
	container.fake_ids = 1;
	container.host_uid = (uint32_t)CALL(getuid, 0, 0, 0, 0, 0);
	container.base_uid = 5;
	ids_start(&ids, 0, 0);
	check(find(AT_FDCWD, "/elf", 0) == 0 && (program.mode & 07777) == 04605 && program.uid == 5,
	      "root may, if anybody may");
	CALL(fchmodat, AT_FDCWD, in_tree("elf"), 04111, 0, 0);
	check(find(AT_FDCWD, "/elf", 0) == 0 && (program.mode & 07777) == 04111, "unreadable");
	CALL(fchmodat, AT_FDCWD, in_tree("elf"), 0604, 0, 0);
	check(find(AT_FDCWD, "/elf", 0) == -EACCES, "root may not, if nobody may");
}

int main(int argc, char **argv)
{
	static char exe[PATH_MAX];
	const char *last = argv[argc - 1];
	long n;

	/* As the interpreter of a script: show the arguments. */
	if (length(last) == 4 && equal(last, "tail")) {
		for (int i = 0; i < argc; i++) {
			check_say(argv[i]);
			check_say("\n");
		}
		sys_exit(0);
	}
	n = sys_readlinkat(AT_FDCWD, "/proc/self/exe", exe, sizeof exe - 1);
	exe[n < 0 ? 0 : n] = 0;
	interpreter = exe;
	tree = argv[1];
	self.pid = (int)CALL(getpid, 0, 0, 0, 0, 0);
	self.exe = exe;
	view_bind(&view, "", "", 1);
	lines();
	chains();
	descriptors();
	elf_files();
	nameless();
	in_root();
	return check_report();
}
