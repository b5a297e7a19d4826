#include "options.h"

#include "kernel.h"
#include "ports.h"
#include "resolve.h"
#include "text.h"
#include "view.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

static const char usage[] =
	"usage: udocker-proot -r DIR [OPTION...] [--] COMMAND [ARG...]\n"
	"\n"
	"Run a command with DIR as its root directory, without any privilege: a tracer translates\n"
	"the paths of its system calls. The options are those of PRoot.\n"
	"\n"
	"  -r, --rootfs DIR         the root directory\n"
	"  -b, --bind, -m, --mount HOST[:GUEST]\n"
	"                           show HOST, a file or a directory, at GUEST (default: HOST)\n"
	"  --bind-pair HOST GUEST   the same, for names with colons\n"
	"  --bind-fd FD GUEST       show the file that is open as FD; the command does not get FD\n"
	"  --exec FILE              the command's file; default COMMAND, which is then searched for\n"
	"  -w, --cwd, --pwd DIR     the working directory (default /)\n"
	"  -0, --root-id            be root inside; chown(2) and mknod(2) are remembered\n"
	"  -i, --change-id UID:GID[:GROUP,...]\n"
	"                           be this user inside\n"
	"  -k, --kernel-release STRING\n"
	"                           what uname(2) says; with the form of PRoot,\n"
	"                           \\sysname\\nodename\\release..., the host's name too\n"
	"  --hostname NAME          what uname(2) says the host is called\n"
	"  -q, --qemu COMMAND       run programs of another architecture with this emulator\n"
	"  -p CONTAINER:HOST        a published port: what binds CONTAINER gets HOST\n"
	"  --link2symlink           where hard links are refused make symbolic ones\n"
	"  --no-seccomp             stop at every system call (mode P2); also done when the\n"
	"                           environment has PROOT_NO_SECCOMP\n"
	"  -n, --netcoop, --kill-on-exit, -v N, --verbose N\n"
	"                           accepted, without effect: the processes that the command\n"
	"                           leaves behind always end with it\n"
	"  -h, --help, -V, --version\n";

static _Noreturn void say(const char *text)
{
	sys_exit(sys_write(1, text, length(text)) < 0);
}

/* If `word` is one of the names of an option (separated by blanks), also in the form NAME=VALUE:
 * its value, from there or from the next argument. */
static const char *value(const char *names, const char *word, char ***next)
{
	while (*names) {
		size_t n = 0;

		while (names[n] && names[n] != ' ' && word[n] == names[n])
			n++;
		if (!names[n] || names[n] == ' ') {
			if (word[n] == '=' && word[1] == '-')
				return word + n + 1;
			if (!word[n]) {
				if (!**next)
					fail(STATUS_SETUP, 0, word, " needs a value; see --help", NULL);
				return *(*next)++;
			}
		}
		while (*names && *names != ' ')
			names++;
		while (*names == ' ')
			names++;
	}
	return NULL;
}

/* Memory that is kept until the end. */
static char *keep(const char *text, size_t size)
{
	static char *free;
	static size_t left;
	char *copy;

	if (size + 1 > left) {
		long chunk;

		left = size + 1 > (1 << 20) ? size + 1 : 1 << 20;
		chunk = CALL(mmap, NULL, left, PROT_READ | PROT_WRITE,
		             MAP_PRIVATE | MAP_ANONYMOUS, -1);
		if (chunk < 0 && chunk > -PATH_MAX)
			fail(STATUS_SETUP, chunk, "out of memory", NULL);
		free = (char *)chunk;
	}
	copy = free;
	memcpy(copy, text, size);
	copy[size] = 0;
	free += size + 1;
	left -= size + 1;
	return copy;
}

/* The host path of what `path` names, without links, and whether it is a directory. */
static const char *canonical(const char *path, int *directory)
{
	char link[FD_PATH_SIZE], text[PATH_MAX];
	long fd = sys_open(path, O_PATH), n;
	struct stat st;

	if (fd < 0)
		fail(STATUS_SETUP, fd, "cannot find ", path, NULL);
	n = sys_fstat((int)fd, &st);
	if (n >= 0)
		n = sys_readlinkat(AT_FDCWD, fd_path(link, (int)fd), text, sizeof text - 1);
	sys_close((int)fd);
	if (n < 0)
		fail(STATUS_SETUP, n, "cannot find ", path, NULL);
	*directory = S_ISDIR(st.mode);
	return keep(text, n == 1 ? 0 : (size_t)n);
}

/* Binds wait until the root is known, which may come after them. */
static struct {
	const char *source, *target;
	unsigned char magic;
} binds[VIEW_BINDS];
static unsigned bind_count;

static void add_bind(const char *source, const char *target, int magic)
{
	if (*target != '/')
		fail(STATUS_SETUP, 0, target, " is not an absolute path", NULL);
	if (bind_count == VIEW_BINDS)
		fail(STATUS_SETUP, 0, "too many binds", NULL);
	binds[bind_count].magic = (unsigned char)magic;
	binds[bind_count].source = source;
	binds[bind_count++].target = target;
}

static void add_bind_text(const char *text)
{
	size_t n = 0;

	while (text[n] && text[n] != ':')
		n++;
	if (text[n])
		add_bind(keep(text, n), text + n + 1, 0);
	else
		add_bind(text, text, 0);
}

/* A file that only this process has open: others find it there. */
static void add_bind_fd(const char *text, const char *target)
{
	int64_t fd = number(text, 0, 10);
	char digits[2][DECIMAL_SIZE], path[2 * DECIMAL_SIZE + sizeof "/proc//fd/"];
	long ours = fd < 0 ? -EBADF : CALL(fcntl, fd, F_DUPFD_CLOEXEC, 3, 0, 0);

	if (ours < 0)
		fail(STATUS_SETUP, ours, "--bind-fd ", text, NULL);
	sys_close((int)fd);
	join(path, sizeof path, "/proc/",
	     decimal(digits[0], (uint64_t)CALL(getpid, 0, 0, 0, 0, 0)), "/fd/",
	     decimal(digits[1], (uint64_t)ours), NULL);
	add_bind(keep(path, length(path)), target, 1);
}

static void make_view(struct view *view, const char *root)
{
	char target[PATH_MAX];
	int directory;
	const char *source = canonical(root, &directory);

	if (!directory)
		fail(STATUS_SETUP, -ENOTDIR, root, NULL);
	if (!view_bind(view, source, "", 1))
		fail(STATUS_SETUP, -ENAMETOOLONG, root, NULL);
	view->root = (int)sys_open(root, O_PATH | O_DIRECTORY);
	for (unsigned i = 0; i < bind_count; i++) {
		struct bind *bind;
		long error;

		source = binds[i].source;
		directory = 0;
		if (!binds[i].magic)
			source = canonical(source, &directory);
		error = view_canonical(view, binds[i].target, target);
		if (error < 0)
			fail(STATUS_SETUP, error, "cannot bind to ", binds[i].target, NULL);
		bind = view_bind(view, source, keep(target, target[1] ? length(target) : 0),
		                 directory);
		if (!bind)
			fail(STATUS_SETUP, 0, "cannot bind to ", binds[i].target,
			     ": too many binds, or a name is too long", NULL);
		bind->magic = binds[i].magic;
	}
}

static uint32_t parsed(const char **text, const char *ends, const char *option)
{
	const char *p = *text, *end;
	int64_t n;

	while (*p && *p != ends[0] && *p != ends[1])
		p++;
	for (end = ends; *end && *end != *p; end++)
		;
	n = number(*text, *p, 10);
	if (n < 0)
		fail(STATUS_SETUP, 0, option, " cannot take ", *text, NULL);
	*text = *p ? p + 1 : p;
	return (uint32_t)n;
}

static void set_ids(struct options *o, struct container *container, const char *text)
{
	const char *p = text;
	char digits[DECIMAL_SIZE];

	o->uid = parsed(&p, ":", "-i");
	if (!*p)
		fail(STATUS_SETUP, 0, "-i takes UID:GID[:GROUP,...]", NULL);
	o->gid = parsed(&p, ":", "-i");
	o->group_count = 0;
	while (*p) {
		if (o->group_count == sizeof o->groups / sizeof *o->groups)
			fail(STATUS_SETUP, 0, "-i takes no more than ",
			     decimal(digits, IDS_GROUPS), " groups", NULL);
		o->groups[o->group_count++] = parsed(&p, ",", "-i");
	}
	container->fake_ids = 1;
	container->base_uid = o->uid;
	container->base_gid = o->gid;
}

/* PRoot's form begins with a backslash, which also separates the fields of uname(2). */
static void set_uname(struct container *container, const char *text)
{
	const char *fields[3] = {NULL, NULL, NULL}; /* sysname nodename release */
	const char *p = text + 1;

	if (*text != '\\') {
		container->release = text;
		return;
	}
	for (int i = 0; i < 3; i++) {
		size_t n = 0;

		while (p[n] && p[n] != '\\')
			n++;
		fields[i] = n ? keep(p, n) : NULL;
		p += p[n] ? n + 1 : n;
	}
	container->hostname = fields[1];
	container->release = fields[2];
}

/* The file of an emulator's command: its options are not used. */
static const char *emulator(const char *command)
{
	size_t n = 0;
	int directory;

	while (command[n] && command[n] != ' ')
		n++;
	if (*command != '/')
		fail(STATUS_SETUP, 0, "-q takes the absolute path of an emulator, not ", command,
		     NULL);
	return canonical(keep(command, n), &directory);
}

static void publish(struct container *container, const char *text)
{
	static struct ports ports;
	const char *p = text;
	uint32_t inside = parsed(&p, ":", "-p"), outside = parsed(&p, ":", "-p");

	if (*p || !inside || inside > UINT16_MAX || !outside || outside > UINT16_MAX)
		fail(STATUS_SETUP, 0, "-p takes CONTAINER:HOST, not ", text, NULL);
	if (ports_add(&ports, (uint16_t)inside, (uint16_t)outside) < 0)
		fail(STATUS_SETUP, 0, "too many ports", NULL);
	container->ports = &ports;
}

/* The value of an option that has two. */
static const char *second(const char *option, char ***next)
{
	if (!**next)
		fail(STATUS_SETUP, 0, option, " needs two values; see --help", NULL);
	return *(*next)++;
}

static int one_of(const char *word, const char *a, const char *b)
{
	return equal(word, a) || equal(word, b);
}

void parse_options(struct options *o, struct container *container, char **argv)
{
	char **next = argv + 1;
	const char *word, *text, *root = NULL;

	while ((word = *next) && *word == '-') {
		next++;
		if (equal(word, "--"))
			break;
		if (one_of(word, "-h", "--help"))
			say(usage);
		else if (one_of(word, "-V", "--version"))
			say("udocker-proot " VERSION "\n");
		else if ((text = value("-r --rootfs", word, &next)))
			root = text;
		else if ((text = value("-b --bind -m --mount", word, &next)))
			add_bind_text(text);
		else if ((text = value("--bind-pair", word, &next)))
			add_bind(text, second(word, &next), 0);
		else if ((text = value("--bind-fd", word, &next)))
			add_bind_fd(text, second(word, &next));
		else if ((text = value("--exec", word, &next)))
			o->file = text;
		else if ((text = value("--hostname", word, &next)))
			container->hostname = text;
		else if ((text = value("-p", word, &next)))
			publish(container, text);
		else if ((text = value("-w --cwd --pwd", word, &next)))
			o->directory = text;
		else if (one_of(word, "-0", "--root-id"))
			set_ids(o, container, "0:0");
		else if ((text = value("-i --change-id", word, &next)))
			set_ids(o, container, text);
		else if ((text = value("-k --kernel-release", word, &next)))
			set_uname(container, text);
		else if ((text = value("-q --qemu", word, &next)))
			container->emulator = emulator(text);
		else if (equal(word, "--link2symlink"))
			container->links = 1;
		else if (equal(word, "--no-seccomp"))
			o->no_filter = 1;
		else if (!one_of(word, "-n", "--netcoop") && !equal(word, "--kill-on-exit") &&
		         !value("-v --verbose", word, &next))
			fail(STATUS_SETUP, 0, "unknown option ", word, "; see --help", NULL);
	}
	if (!root)
		fail(STATUS_SETUP, 0, "-r is missing; see --help", NULL);
	if (!*next)
		fail(STATUS_SETUP, 0, "no command is given; see --help", NULL);
	make_view(container->view, root);
	o->argv = next;
}
