#include "program.h"

#include "elf.h"
#include "ids.h"
#include "kernel.h"
#include "owners.h"
#include "text.h"
#include "view.h"

enum { LINE = 256 };         /* how much of a file the kernel looks at (BINPRM_BUF_SIZE) */
enum { SCRIPTS = 5 };        /* how many interpreters may be scripts themselves, and the first */

struct finding { /* program_find() at work */
	struct call *call;
	const struct subject *subject;
	struct program *program;
	struct place *place;
	size_t used;       /* of program->text */
	int inaccessible;  /* nobody can open the file by `filename` once the new program runs */
	union {
		struct elf_header elf;
		char line[LINE + 1];
	} head;
};

static long explain(struct finding *f, long error, const char *why)
{
	f->program->why = why;
	return error;
}

/* Keeps a copy of `size` characters; NULL when there is no room. */
static const char *keep(struct finding *f, const char *text, size_t size)
{
	char *copy = f->program->text + f->used;

	if (size >= sizeof f->program->text - f->used)
		return NULL;
	for (size_t i = 0; i < size; i++)
		copy[i] = text[i];
	copy[size] = 0;
	f->used += size + 1;
	return copy;
}

/* Puts an argument in front of the others. */
static long put_first(struct finding *f, const char *argument)
{
	struct program *p = f->program;

	if (!argument || p->count == PROGRAM_EXTRA)
		return -E2BIG;
	for (unsigned i = p->count++; i > 0; i--)
		p->extra[i] = p->extra[i - 1];
	p->extra[0] = argument;
	return 0;
}

/* The program's own argv[0] is replaced by the name of the file, unless a script did it already. */
static long name_file(struct finding *f)
{
	if (f->program->skip)
		return 0;
	f->program->skip = 1;
	return put_first(f, f->program->filename);
}

/* Files that have no path, or a longer one than the kernel takes, are named through a descriptor
 * of ours: the program's may be closed by execve. `out` becomes the file's path on the host, and
 * f->place->container its name inside. */
static long hold(struct finding *f, int which, char out[PATH_MAX])
{
	char link[FD_PATH_SIZE], digits[2][DECIMAL_SIZE], *inside = f->place->container;
	struct stat held, named;
	long fd = sys_openat(f->place->directory, f->place->path, O_PATH, 0), size;

	if (fd < 0)
		return fd;
	size = sys_readlinkat(AT_FDCWD, fd_path(link, (int)fd), out, PATH_MAX - 1);
	out[size < 0 ? 0 : size] = 0;
	if (!inside[0] && view_to_container(f->subject->container->view, out, inside) < 0)
		join(inside, PATH_MAX, out, NULL); /* "/memfd:NAME (deleted)" */
	if (size > 0 && sys_fstat((int)fd, &held) == 0 && sys_stat(out, &named) == 0 &&
	    held.dev == named.dev && held.ino == named.ino) {
		sys_close((int)fd);
		return 0;
	}
	f->program->held[which] = (int)fd;
	return join(out, PATH_MAX, "/proc/", decimal(digits[0], (uint64_t)CALL(getpid, 0, 0, 0, 0, 0)),
	            "/fd/", decimal(digits[1], (uint64_t)fd), NULL);
}

/* Takes the host path of what locate() found, or of what only a descriptor names. */
static long take(struct finding *f, int which, char out[PATH_MAX])
{
	if (f->place->directory != AT_FDCWD || f->place->magic)
		return hold(f, which, out);
	return join(out, PATH_MAX, f->place->path, NULL);
}

/* The place of the subject's descriptor itself. */
static long locate_descriptor(struct finding *f, int fd)
{
	char digits[DECIMAL_SIZE];

	if (fd == AT_FDCWD)
		return -EACCES; /* a directory */
	if (fd < 0)
		return -EBADF;
	f->place->directory = AT_FDCWD;
	f->place->magic = 1;
	f->place->container[0] = 0;
	return join(f->place->path, PATH_MAX, f->subject->proc, "/fd/",
	            decimal(digits, (uint64_t)fd), NULL);
}

/* Whether execve(2) closes the subject's descriptor (proc_pid_fdinfo(5)). */
static int is_closed_by_exec(const struct subject *subject, int fd)
{
	static const char key[] = "\nflags:\t";
	char path[64], text[128], digits[DECIMAL_SIZE];
	long file, size;
	int64_t flags;

	join(path, sizeof path, subject->proc, "/fdinfo/", decimal(digits, (uint64_t)fd), NULL);
	file = sys_open(path, O_RDONLY);
	if (file < 0)
		return 1;
	size = sys_read((int)file, text, sizeof text - 1);
	sys_close((int)file);
	text[size < 0 ? 0 : size] = 0;
	for (const char *at = text; *at; at++) {
		unsigned same = 0;

		while (key[same] && at[same] == key[same])
			same++;
		if (key[same])
			continue;
		flags = number(at + same, '\n', 8);
		return flags < 0 || (flags & O_CLOEXEC);
	}
	return 1;
}

/* The last name of `path` is what ps(1) shows, without what the kernel adds for deleted files. */
static void name_process(struct program *p, const char *path)
{
	static const char deleted[] = " (deleted)";
	const char *name = path;
	size_t size = 0;

	for (; *path; path++)
		if (*path == '/')
			name = path + 1;
	for (; name[size] && size < sizeof p->name - 1 && !equal(name + size, deleted); size++)
		p->name[size] = name[size];
	for (; size < sizeof p->name; size++)
		p->name[size] = 0;
}

/* Finds the file that is asked for and gives it the name that scripts get. */
static long locate_program(struct finding *f, int dirfd, const char *path, int flags)
{
	struct program *p = f->program;
	char digits[DECIMAL_SIZE], name[sizeof "/dev/fd/" + DECIMAL_SIZE];
	int relative = dirfd != AT_FDCWD && path[0] != '/';
	size_t start = f->used;
	struct stat st;
	long error;

	if (!path[0] && !(flags & AT_EMPTY_PATH))
		return -ENOENT;
	name[0] = 0;
	if (relative)
		join(name, sizeof name, "/dev/fd/", decimal(digits, dirfd < 0 ? 0 : (uint64_t)dirfd),
		     NULL);
	error = join(p->text + start, sizeof p->text - start, name, relative && path[0] ? "/" : "",
	             path, NULL);
	if (error < 0)
		return error;
	p->filename = p->text + start;
	f->used += length(p->filename) + 1;
	error = !path[0] ? locate_descriptor(f, dirfd) :
	        locate(f->subject, dirfd, path,
	               flags & AT_SYMLINK_NOFOLLOW ? 0 : LOCATE_FOLLOW, f->place);
	if (error < 0)
		return error;
	if (path[0] && (flags & AT_SYMLINK_NOFOLLOW)) {
		error = CALL(newfstatat, f->place->directory, f->place->path, &st,
		             AT_SYMLINK_NOFOLLOW, 0);
		error = error < 0 ? error : S_ISLNK(st.mode) ? -ELOOP : 0;
	}
	if (error >= 0)
		error = take(f, 0, p->host);
	if (path[0])
		place_close(f->place);
	else if (error == -ENOENT)
		error = -EBADF;
	if (error < 0)
		return error;
	f->inaccessible = relative && is_closed_by_exec(f->subject, dirfd);
	error = join(p->exe, PATH_MAX, f->place->container[0] ? f->place->container : p->filename,
	             NULL);
	name_process(p, path[0] ? p->filename : p->exe);
	return error;
}

/* Root may execute what anybody may. */
static long may_execute(const struct subject *subject, const char *host, const struct stat *st)
{
	enum { X_OK = 1 };
	struct statfs fs;
	long error = CALL(faccessat, AT_FDCWD, host, X_OK, 0, 0);

	if (error != -EACCES || !(st->mode & 0111) || !subject->container->fake_ids ||
	    !ids_capable(subject->ids, CAP_DAC_OVERRIDE))
		return error;
	error = CALL(statfs, host, &fs, 0, 0, 0);
	return error < 0 ? error : fs.flags & MS_NOEXEC ? -EACCES : 0;
}

/* The kernel executes what nobody may read (sudo is often so), but we have to read it. So the user
 * whose file it is may, from now on: it has to last until it is loaded, by more than one at a time
 * perhaps. */
static int may_become_readable(const struct subject *subject, const char *host,
                               const struct stat *st)
{
	return st->uid == subject->container->host_uid && !(st->mode & 0400) &&
	       CALL(fchmodat, AT_FDCWD, host, (st->mode & 07777) | 0400, 0, 0) == 0;
}

/* Opens a file that is to be executed, and reads its first bytes. The descriptor or an error. */
static long open_executable(struct finding *f, const char *host, struct stat *st)
{
	const struct owner *owner;
	long fd, size, error = sys_stat(host, st);

	if (error < 0)
		return error;
	owner = f->subject->container->owners ?
	        owners_find(f->subject->container->owners, st->dev, st->ino) : NULL;
	if (!S_ISREG(st->mode) || (owner && owner->mode))
		return -EACCES;
	error = may_execute(f->subject, host, st);
	if (error < 0)
		return error;
	fd = sys_open(host, O_RDONLY | O_NONBLOCK);
	if (fd == -EACCES && may_become_readable(f->subject, host, st))
		fd = sys_open(host, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	size = CALL(pread64, fd, f->head.line, LINE, 0, 0);
	if (size < 0) {
		sys_close((int)fd);
		return size;
	}
	for (; size <= LINE; size++)
		f->head.line[size] = 0;
	return fd;
}

/* The owner and the mode that decide on set-user-ID. */
static void note_owner(struct finding *f, const struct stat *st)
{
	const struct container *c = f->subject->container;
	const struct owner *owner = c->owners ? owners_find(c->owners, st->dev, st->ino) : NULL;

	f->program->mode = st->mode;
	f->program->uid = owner ? owner->uid : st->uid == c->host_uid ? c->base_uid : st->uid;
	f->program->gid = owner ? owner->gid : st->gid == c->host_gid ? c->base_gid : st->gid;
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *from, const char *end)
{
	while (from < end && is_blank(*from))
		from++;
	return from;
}

static char *skip_word(char *from, const char *end)
{
	while (from < end && *from && !is_blank(*from))
		from++;
	return from;
}

/* The interpreter line in f->head, as the kernel's binfmt_script reads it: "#!", blanks, a path,
 * and one argument with all that follows. Blanks at the end of a line do not count, but those at
 * the end of a file do. Puts both in front of the arguments; `*interpreter` is the path. */
static long read_script(struct finding *f, const char **interpreter)
{
	char *start = f->head.line + 2, *end = start, *last = f->head.line + LINE - 1;
	char *path, *path_end, *argument;
	long error = 0;

	while (end <= last && *end && *end != '\n')
		end++;
	if (end > last || !*end) {
		/* A path that may go on after what was read is not executed. */
		if (skip_word(skip_blanks(start, last + 1), last + 1) > last)
			return -ENOEXEC;
		end = last;
	}
	while (is_blank(end[-1]))
		end--;
	*end = 0;
	path = skip_blanks(start, end);
	if (path >= end)
		return -ENOEXEC;
	path_end = skip_word(path, end);
	argument = *path_end ? skip_blanks(path_end, end) : NULL;
	if (f->inaccessible)
		return -ENOENT;
	if (path == path_end)
		return -EACCES; /* it is the working directory, for the kernel */
	error = name_file(f);
	if (error >= 0 && argument)
		error = put_first(f, keep(f, argument, length(argument)));
	*interpreter = keep(f, path, (size_t)(path_end - path));
	return error < 0 ? error : put_first(f, *interpreter);
}

/* Goes from the script in p->host to its interpreter. */
static long follow_script(struct finding *f)
{
	struct program *p = f->program;
	const char *interpreter;
	long error = read_script(f, &interpreter);

	if (error < 0)
		return error;
	program_release(p);
	f->inaccessible = 0;
	error = locate(f->subject, AT_FDCWD, interpreter, LOCATE_FOLLOW, f->place);
	if (error < 0)
		return explain(f, error, "the interpreter of a script is not there");
	error = take(f, 0, p->host);
	place_close(f->place);
	if (error < 0)
		return error;
	return join(p->exe, PATH_MAX, f->place->container[0] ? f->place->container : interpreter,
	            NULL);
}

/* The dynamic linker that is named in the file open as `fd`, looked for in the container. */
static long find_interpreter(struct finding *f, int fd)
{
	struct program *p = f->program;
	struct stat st;
	long error = elf_interpreter(fd, &f->head.elf, p->interpreter);

	if (error < 0 || !p->interpreter[0])
		return error;
	error = locate(f->subject, AT_FDCWD, p->interpreter, LOCATE_FOLLOW, f->place);
	if (error >= 0) {
		error = take(f, 1, p->interpreter);
		place_close(f->place);
	}
	if (error >= 0)
		error = open_executable(f, p->interpreter, &st);
	if (error < 0)
		return explain(f, error, "its dynamic linker cannot be used");
	sys_close((int)error);
	return elf_kind(&f->head.elf) == ELF_OURS ? 0 :
	       explain(f, -ELIBBAD, "its dynamic linker is for another machine");
}

/* The program's own argv[0], or the file's name where it cannot be told. */
static const char *first_argument(struct finding *f)
{
	const struct call *call = f->call;
	uint64_t argv = (uint64_t)call->args[call->number == NR_execveat ? 2 : 1], first = 0;
	char *text = f->program->text + f->used;
	long size = -ENOENT;

	if (argv && subject_read(f->subject, &first, argv, sizeof first) == 0 && first)
		size = subject_text(f->subject, text, first, sizeof f->program->text - f->used);
	if (size < 0)
		return f->program->filename;
	f->used += (size_t)size + 1;
	return text;
}

/* EMULATOR -0 ARGV0 FILE ARGUMENTS... in place of a program for another machine. */
static long emulate(struct finding *f)
{
	struct program *p = f->program;
	const char *emulator = f->subject->container->emulator, *argv0;
	struct stat st;
	long fd, error;

	if (f->inaccessible)
		return -ENOENT;
	argv0 = p->skip ? p->extra[0] : first_argument(f);
	error = name_file(f);
	if (error < 0 || (error = put_first(f, argv0)) < 0 || (error = put_first(f, "-0")) < 0 ||
	    (error = put_first(f, emulator)) < 0)
		return error;
	program_release(p);
	error = join(p->host, PATH_MAX, emulator, NULL);
	fd = error < 0 ? error : open_executable(f, p->host, &st);
	if (fd < 0)
		return explain(f, fd, "the emulator cannot be used");
	error = elf_kind(&f->head.elf) == ELF_OURS ?
	        elf_interpreter((int)fd, &f->head.elf, p->interpreter) : -ENOEXEC;
	sys_close((int)fd);
	return error < 0 || p->interpreter[0] ?
	       explain(f, -ENOEXEC, "the emulator is not a static program for this machine") : 0;
}

/* Looks at the file in p->host. 0: done; 1: it is a script. */
static long examine(struct finding *f)
{
	struct stat st;
	long fd = open_executable(f, f->program->host, &st), error;
	enum elf_kind kind;

	if (fd < 0)
		return fd;
	kind = elf_kind(&f->head.elf);
	note_owner(f, &st);
	error = kind == ELF_OURS ? find_interpreter(f, (int)fd) : -ENOEXEC;
	sys_close((int)fd);
	if (kind == ELF_NONE && f->head.line[0] == '#' && f->head.line[1] == '!')
		return 1;
	if (kind != ELF_32_BITS && kind != ELF_FOREIGN)
		return error;
	if (f->subject->container->emulator)
		return emulate(f);
	return explain(f, -ENOEXEC, kind == ELF_FOREIGN ?
	               "it is a program for another architecture, which needs an emulator" :
	               "it is a 32-bit program, which this mode cannot run; mode R1 can");
}

long program_find(struct call *call, int dirfd, const char *path, int flags,
                  struct program *program)
{
	struct finding f = {
		.call = call, .subject = call->subject, .program = program,
		.place = &call->scratch->place[0]
	};
	long error;

	program->held[0] = program->held[1] = -1;
	program->count = program->skip = 0;
	program->interpreter[0] = 0;
	program->why = NULL;
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	error = locate_program(&f, dirfd, path, flags);
	if (error >= 0)
		error = examine(&f);
	for (int scripts = 0; error == 1; scripts++) {
		error = scripts == SCRIPTS ? -ELOOP : follow_script(&f);
		if (error >= 0)
			error = examine(&f);
	}
	if (error < 0) {
		program_release(program);
		return error;
	}
	return 0;
}

void program_release(struct program *program)
{
	for (int i = 0; i < 2; i++) {
		if (program->held[i] >= 0)
			sys_close(program->held[i]);
		program->held[i] = -1;
	}
}
