/* resolve.c and procfs.c where the container differs from what the kernel would say: /proc, and
 * directories without a host path. Each check is made with openat2(2) and without. */
#include "check.h"
#include "procfs.h"
#include "resolve.h"
#include "view.h"

enum { TEXT = 512, DEPTH = 30 };

static struct view view;
static struct container container = {.view = &view};
static struct subject self = {.container = &container, .proc = "/proc/self", .chroot = ""};
static struct subject other = {
	.container = &container, .chroot = "/dir", .exe = "/dir/other"
};
static struct place place;
static long stranger; /* a process that is not in the container */
static char base[TEXT], root[TEXT], outside[TEXT], pid[DECIMAL_SIZE];

const struct subject *subject_find(const struct subject *asking, int number)
{
	return number == asking->pid ? asking : number == other.pid ? &other : NULL;
}

static long chdir_to(const char *path)
{
	return CALL(chdir, path, 0, 0, 0, 0);
}

static void put_file(const char *path)
{
	sys_close((int)sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0644));
}

/* The result of locate(), or of looking what is there; place stays open. */
static long result(int dirfd, const char *path, int how)
{
	long error;

	place_close(&place);
	error = locate(&self, dirfd, path, how | LOCATE_OPEN, &place);
	if (error < 0)
		place.fd = -1, place.directory = AT_FDCWD;
	return error < 0 ? error : place.error;
}

static int leads(const char *path, int how, const char *expected)
{
	return result(AT_FDCWD, path, how) == 0 && equal(place.container, expected);
}

static int same_as(int fd)
{
	struct stat a, b;

	return sys_fstat(place.fd, &a) == 0 && sys_fstat(fd, &b) == 0 && a.dev == b.dev
	       && a.ino == b.ino;
}

static int reads(const char *path, const char *expected)
{
	char out[TEXT];
	long n;

	if (result(AT_FDCWD, path, 0) < 0)
		return 0;
	n = read_link(&self, &place, out, sizeof out - 1);
	out[n < 0 ? 0 : n] = 0;
	return equal(out, expected);
}

static const char *proc(const char *rest, int fd)
{
	static char path[TEXT];
	char digits[DECIMAL_SIZE];

	join(path, sizeof path, "/proc/", rest, fd < 0 ? NULL : decimal(digits, (uint64_t)fd), NULL);
	return path;
}

static void processes(void)
{
	char text[TEXT], digits[DECIMAL_SIZE], task[PROC_SELF_SIZE];

	check(reads("/proc/self", pid), "self is the subject");
	check(leads("/proc/self", 0, "/proc/self"), "a link as such");
	join(text, TEXT, "/proc/", pid, NULL);
	check(leads("/proc/self", LOCATE_FOLLOW, text), "self, followed");
	join(text + length(text), TEXT, "/status", NULL);
	check(leads("/proc/self/status", LOCATE_FOLLOW, text), "self/status");
	check(proc_self_text(&self, PROC_THREAD_SELF, task) == length(task), "its length");
	check(reads("/proc/thread-self", task), "thread-self");
	check(reads("/proc/self/exe", "/bin/prog"), "exe is read");
	check(leads("/proc/self/exe", LOCATE_FOLLOW, "/bin/prog") && !place.magic, "exe");
	check(result(AT_FDCWD, "/proc/self/exe/x", 0) == -ENOTDIR, "below exe");
	check(reads("/proc/self/root", "/"), "root is read");
	check(leads("/proc/self/root", LOCATE_FOLLOW, "/"), "root");
	check(leads("/proc/self/root/dir/..", LOCATE_FOLLOW, "/"), "through root");
	check(reads("/proc/self/cwd", "/dir"), "cwd is read");
	check(leads("/proc/self/cwd", LOCATE_FOLLOW, "/dir"), "cwd");
	check(leads("/proc/self/cwd/../bin/prog", LOCATE_FOLLOW, "/bin/prog"), "through cwd");
	check(leads("/proc/thread-self/cwd/file", LOCATE_FOLLOW, "/dir/file"), "the thread's cwd");
	check(result(AT_FDCWD, "/proc/self/ns/mnt", LOCATE_FOLLOW) == 0 && place.magic, "ns");
	self.exe = "/dir/abs";
	check(result(AT_FDCWD, "/proc/self/exe", LOCATE_FOLLOW) == -ENOENT, "exe is now a link");
	self.exe = "/bin/prog";
	check(leads("/exe", LOCATE_FOLLOW, "/bin/prog"), "a link to a link of /proc");
	check(leads("/proc/../bin", LOCATE_FOLLOW, "/bin"), "out of /proc");

	join(text, TEXT, "/proc/", decimal(digits, (uint64_t)other.pid), NULL);
	check(leads(text, LOCATE_FOLLOW, text), "another process");
	join(text + length(text), TEXT, "/exe", NULL);
	check(leads(text, LOCATE_FOLLOW, "/dir/other") && reads(text, "/dir/other"), "its exe");
	join(text + length(text) - 3, TEXT, "root/..", NULL);
	check(leads(text, LOCATE_FOLLOW, "/"), "its root is not ours");

	join(text, TEXT, "/proc/", decimal(digits, (uint64_t)stranger), "/cwd", NULL);
	check(result(AT_FDCWD, text, LOCATE_FOLLOW) == -EACCES, "a stranger's");
	check(leads(text, 0, text) && reads(text, root), "as the host shows it");
	join(text + length(text), TEXT, "/etc", NULL);
	check(result(AT_FDCWD, text, 0) == -EACCES, "through a stranger's");

	self.chroot = "/dir";
	check(reads("/../p/self/cwd", "/") && reads("/p/self/root", "/"), "seen from a chroot");
	check(reads("/p/self/exe", "/bin/prog"), "what lies outside of it");
	check(leads("/p/self/root/file", LOCATE_FOLLOW, "/dir/file"), "the chroot is its root");
	self.chroot = "";
}

static void descriptors(void)
{
	int dir = (int)sys_open("/proc/self/cwd", O_PATH), file, gone, pipe[2], link, host;
	char text[PATH_MAX];

	file = (int)sys_open("file", O_RDONLY);
	check(leads(proc("self/fd/", file), LOCATE_FOLLOW, "/dir/file") && same_as(file), "a file");
	check(!place.magic && reads(proc("self/fd/", file), "/dir/file"), "its name");
	check(result(AT_FDCWD, proc("self/fd/", 999), LOCATE_FOLLOW) == -ENOENT, "none");
	join(text, TEXT, proc("self/fd/", dir), "/../bin/prog", NULL);
	check(leads(text, LOCATE_FOLLOW, "/bin/prog"), "through a directory");
	check(result(file, "x", 0) == -ENOTDIR && result(file, "..", 0) == -ENOTDIR, "a file's");
	check(result(999, "x", 0) == -EBADF && result(-5, "x", 0) == -EBADF, "no descriptor");
	check(result(999, "/dir", 0) == 0, "not needed");
	check(result(dir, "file", 0) == 0 && same_as(file), "of a directory");

	put_file("gone");
	gone = (int)sys_open("gone", O_RDONLY);
	CALL(unlinkat, AT_FDCWD, "gone", 0, 0, 0);
	check(result(AT_FDCWD, proc("self/fd/", gone), LOCATE_FOLLOW) == 0 && place.magic
	              && same_as(gone),
	      "a deleted file");
	check(reads(proc("self/fd/", gone), "/dir/gone (deleted)"), "its name");
	put_file("gone (deleted)");
	check(reads(proc("self/fd/", gone), "/dir/gone (deleted)") && !place.magic, "still");
	sys_close(gone);
	gone = (int)sys_open("gone (deleted)", O_RDONLY);
	check(leads(proc("self/fd/", gone), LOCATE_FOLLOW, "/dir/gone (deleted)"), "just a name");

	CALL(pipe2, pipe, 0, 0, 0, 0);
	check(result(AT_FDCWD, proc("self/fd/", pipe[0]), LOCATE_FOLLOW) == 0 && place.magic
	              && same_as(pipe[0]),
	      "a pipe");
	check(result(pipe[0], "x", 0) == -ENOTDIR, "a pipe's");

	/* A link that leads to the host's tree, if the kernel follows it. */
	link = (int)sys_open("/proc/self/cwd/abs", O_PATH | O_NOFOLLOW);
	check(result(link, "passwd", 0) == -ENOTDIR, "a link is no directory");
	place_close(&place);
	check(locate(&self, link, "passwd", 0, &place) == -ENOTDIR, "nor without a look");
	join(text, TEXT, proc("self/fd/", link), "/passwd", NULL);
	check(result(AT_FDCWD, text, LOCATE_FOLLOW) == -ENOTDIR, "nor through /proc");
	check(result(link, "../dir", 0) == -ENOTDIR, "nor upwards");
	check(result(link, ".", 0) == -ENOTDIR, "nor itself");
	check(result(AT_FDCWD, proc("self/fd/", link), LOCATE_FOLLOW) == 0 && same_as(link)
	              && place.magic,
	      "it is not followed");
	join(text, TEXT, proc("self/fd/", link), "/.", NULL);
	check(result(AT_FDCWD, text, LOCATE_FOLLOW) == -ENOTDIR, "nor so");

	/* What was inherited from outside. */
	host = (int)sys_open(outside, O_PATH);
	check(result(host, "sub/file", LOCATE_FOLLOW) == 0 && place.directory != AT_FDCWD, "beneath");
	check(result(host, "rel", LOCATE_FOLLOW) == 0, "a link beneath");
	check(result(host, ".", 0) == 0 && same_as(host), "the directory");
	check(result(host, "..", 0) == -EACCES, "up");
	check(result(host, "sub/../..", 0) == -EACCES, "up and down");
	check(result(host, "abs", LOCATE_FOLLOW) == -EACCES, "a link to anywhere");
	check(result(host, "abs", 0) == 0, "the link itself");
	check(result(host, "missing", 0) == -ENOENT && place.directory != AT_FDCWD, "not yet there");
	check(reads(proc("self/fd/", host), outside), "shown as it is");
	check(result(AT_FDCWD, proc("self/fd/", host), LOCATE_FOLLOW) == 0 && place.magic, "itself");
	check(locate_directory(&self, host, text) == -ENOENT, "no container path");
	chdir_to(outside);
	check(result(AT_FDCWD, "..", 0) == -EACCES, "up from a working directory");
	check(locate_directory(&self, AT_FDCWD, text) == -ENOENT, "no working directory");
	chdir_to(root);
	chdir_to("dir");
	sys_close(dir), sys_close(file), sys_close(gone), sys_close(link), sys_close(host);
	sys_close(pipe[0]), sys_close(pipe[1]);
}

static void where(void)
{
	char out[PATH_MAX];
	int dir = (int)sys_open(".", O_PATH);

	check(locate_directory(&self, AT_FDCWD, out) == 0 && equal(out, "/dir"), "getcwd");
	check(locate_directory(&self, dir, out) == 0 && equal(out, "/dir"), "a descriptor");
	check(locate_directory(&self, 999, out) == -EBADF, "no descriptor");
	self.chroot = "/dir";
	check(locate_directory(&self, AT_FDCWD, out) == 0 && equal(out, "/"), "the chroot itself");
	self.chroot = "/di";
	check(locate_directory(&self, AT_FDCWD, out) == -ENOENT, "outside of the chroot");
	self.chroot = "";
	sys_close(dir);

	sys_mkdirat(AT_FDCWD, "removed", 0755);
	chdir_to("removed");
	CALL(unlinkat, AT_FDCWD, "../removed", AT_REMOVEDIR, 0, 0);
	check(locate_directory(&self, AT_FDCWD, out) == -ENOENT, "a removed directory");
	check(result(AT_FDCWD, "x", 0) == -ENOENT, "has nothing");
	check(result(AT_FDCWD, ".", LOCATE_FOLLOW) == 0, "but itself");
	check(leads("..", LOCATE_FOLLOW, "/dir"), "and a parent");
	check(leads("/proc/self/cwd/../file", LOCATE_FOLLOW, "/dir/file"), "by /proc too");
	chdir_to(root);
	chdir_to("dir");
}

static char deep_name[NAME_MAX + 1];

static void go_deep(void)
{
	for (int i = 0; i < NAME_MAX; i++)
		deep_name[i] = 'd';
	for (int i = 0; i < DEPTH; i++) {
		sys_mkdirat(AT_FDCWD, deep_name, 0755);
		chdir_to(deep_name);
	}
}

static void deep(void)
{
	char out[PATH_MAX], up[3 * DEPTH + 8];
	int file;

	go_deep();
	put_file("bottom");
	sys_symlinkat("bottom", AT_FDCWD, "rel");
	sys_symlinkat("/dir/file", AT_FDCWD, "abs");
	sys_mkdirat(AT_FDCWD, "sub", 0755);
	file = (int)sys_open("bottom", O_PATH);
	for (int way = 0; way < 2; way++) {
		view.openat2 = !way;
		check(locate_directory(&self, AT_FDCWD, out) == -ENAMETOOLONG, "too deep to be told");
		check(result(AT_FDCWD, "bottom", 0) == 0 && same_as(file), "a deep file");
		check(result(AT_FDCWD, "rel", LOCATE_FOLLOW) == 0 && same_as(file), "a link to it");
		check(result(AT_FDCWD, "sub/../bottom", 0) == 0 && same_as(file), "up and down");
		check(leads("abs", LOCATE_FOLLOW, "/dir/file"), "a link up to the root");
		check(result(AT_FDCWD, "sub/new", 0) == -ENOENT, "not yet there");
		check(result(AT_FDCWD, "bottom/x", 0) == -ENOTDIR, "below a file");
		join(out, sizeof out, "../", deep_name, "/bottom", NULL);
		check(result(AT_FDCWD, out, 0) == 0 && same_as(file), "by its parent");
		for (int i = 0; i < DEPTH; i++)
			join(up + 3 * i, sizeof up, "../", NULL);
		join(up + 3 * DEPTH, 8, "file", NULL);
		check(leads(up, LOCATE_FOLLOW, "/dir/file"), "all the way up");
	}
	sys_close(file);
	chdir_to(outside);
	go_deep();
	put_file("bottom");
	check(result(AT_FDCWD, "bottom", 0) == 0, "deep down outside");
	check(result(AT_FDCWD, "..", 0) == -EACCES, "up there");
	chdir_to(root);
	chdir_to("dir");
}

/* Directories whose host paths are just as long as can be, and their entries. */
static void at_the_edge(void)
{
	char name[NAME_MAX + 1], all[PATH_MAX + 16];
	size_t n, more;
	int dir, inner;

	for (size_t i = 0; i < NAME_MAX; i++)
		name[i] = 'e';
	for (size_t end = PATH_MAX - 12; end < PATH_MAX + 4; end++) {
		chdir_to(root);
		for (n = length(root); n < end; n += more + 1) {
			/* What remains is room for a slash and a name, or for two of these. */
			more = end - n - 1 > 202 ? 200 : end - n - 1 > 200 ? 100 : end - n - 1;
			name[more] = 0;
			sys_mkdirat(AT_FDCWD, name, 0755);
			chdir_to(name);
			name[more] = 'e';
		}
		dir = (int)sys_open(".", O_PATH);
		sys_mkdirat(dir, "i", 0755);
		put_file("f");
		for (int way = 0; way < 2; way++) {
			view.openat2 = !way;
			chdir_to("i");
			inner = (int)sys_open(".", O_PATH);
			check(result(AT_FDCWD, "..", 0) == 0 && same_as(dir), "up");
			check(result(inner, "..", 0) == 0 && same_as(dir), "up from a descriptor");
			check(result(inner, ".", 0) == 0 && same_as(inner), "itself");
			check(result(inner, "../f/.", 0) == -ENOTDIR, "no directory");
			check(result(inner, "../f", LOCATE_FOLLOW) == 0, "a file");
			check(result(AT_FDCWD, "../g/", 0) == -ENOENT, "none");
			CALL(fchdir, dir, 0, 0, 0, 0);
			check(result(dir, "i", LOCATE_FOLLOW) == 0 && same_as(inner), "down");
			check(result(AT_FDCWD, "i/../i/.", 0) == 0 && same_as(inner), "and up");
			join(all, sizeof all, proc("self/fd/", inner), NULL);
			check(result(AT_FDCWD, all, LOCATE_FOLLOW) == 0 && same_as(inner), "/proc");
			join(all, sizeof all, proc("self/fd/", inner), "/../f", NULL);
			check(result(AT_FDCWD, all, LOCATE_FOLLOW) == 0, "through /proc");
			sys_close(inner);
		}
		sys_close(dir);
	}
	chdir_to(root);
	chdir_to("dir");
}

/* Links whose texts do not fit, put one into the other. */
static void long_texts(void)
{
	static char text[PATH_MAX];
	char name[] = "l0";

	join(text, sizeof text, "l1", NULL);
	for (size_t n = 2; n + 4 < sizeof text; n += 3)
		join(text + n, sizeof text - n, "/..", NULL);
	for (; name[1] < '5'; name[1]++, text[1]++)
		sys_symlinkat(text, AT_FDCWD, name);
	check(result(AT_FDCWD, "l0", LOCATE_FOLLOW) == -ENAMETOOLONG, "too long for us");
	check(result(AT_FDCWD, "l4", LOCATE_FOLLOW) == -ENOENT, "long enough");
}

/* As long as a path may be: its host path is longer. */
static void longest(void)
{
	static char path[PATH_MAX];
	size_t n = 0, name = 0;
	long dir, next;

	dir = sys_open(root, O_PATH);
	for (; n < sizeof path - 1; n++) {
		path[n] = n % 100 ? 'p' : '/';
		if (n && n % 100 == 0) {
			path[n] = 0;
			sys_mkdirat((int)dir, path + name + 1, 0755);
			next = sys_openat((int)dir, path + name + 1, O_PATH, 0);
			sys_close((int)dir);
			dir = next;
			path[name = n] = '/';
		}
	}
	sys_close((int)sys_openat((int)dir, path + name + 1, O_CREAT | O_WRONLY, 0644));
	next = sys_openat((int)dir, path + name + 1, O_PATH, 0);
	for (int way = 0; way < 2; way++) {
		view.openat2 = !way;
		check(result(AT_FDCWD, path, LOCATE_FOLLOW) == 0 && same_as((int)next), "4095 bytes");
		path[name + 1] = 'q';
		check(result(AT_FDCWD, path, LOCATE_FOLLOW) == -ENOENT, "none there");
		check(result(AT_FDCWD, path, LOCATE_NAME) == -ENOENT, "a new one");
		path[name + 1] = 'p';
	}
	sys_close((int)next);
	sys_close((int)dir);
}

static void binds(void)
{
	static char link[TEXT];
	char out[PATH_MAX];
	int file = (int)sys_open("file", O_RDONLY);
	struct bind *bind;
	struct stat st;

	check(leads("/only/here/sub/file", LOCATE_FOLLOW, "/only/here/sub/file"), "no parents");
	check(leads("/only/here/../here/sub", 0, "/only/here/sub"), "nor need of them");
	check(leads("/only/../dir", 0, "/dir"), "up from there");
	check(leads("/tohere", LOCATE_FOLLOW, "/only/here"), "by a link");
	check(place.mount, "a mount point");
	check(result(AT_FDCWD, "/only", 0) == -ENOENT && !place.mount, "not made up");

	join(link, sizeof link, "/proc/", pid, proc("/fd/", file) + sizeof "/proc", NULL);
	bind = view_bind(&view, link, "/dir/made", 0);
	bind->magic = 1;
	check(leads("/dir/made", 0, "/dir/made") && place.magic && same_as(file), "a descriptor");
	check(leads("made", LOCATE_FOLLOW, "/dir/made") && place.magic && same_as(file), "followed");
	check(read_link(&self, &place, out, sizeof out) == -EINVAL, "a file");
	check(result(AT_FDCWD, "/dir/made/x", 0) == -ENOTDIR, "below it");
	check(locate(&self, AT_FDCWD, "made", 0, &place) == 0 && place.magic
	              && sys_stat(place.path, &st) == 0,
	      "without a look");

	place_close(&place);
	check(locate(&self, AT_FDCWD, "/dir/..", LOCATE_NAME, &place) == 0
	              && CALL(unlinkat, AT_FDCWD, place.path, AT_REMOVEDIR, 0, 0) == -ENOTEMPTY,
	      "rmdir of ..");

	check(view_canonical(&view, "/tohere/x/y", out) == 0 && equal(out, "/only/here/x/y"), "new");
	check(view_canonical(&view, "/dangling", out) == 0 && equal(out, "/no/where"), "dangling");
	check(view_canonical(&view, "/abs/../../q/", out) == 0 && equal(out, "/q"), "dots");
	check(view_canonical(&view, "/new/../x", out) == 0 && equal(out, "/x"), "dots after new");
	check(view_canonical(&view, "/", out) == 0 && equal(out, "/"), "the root");
	check(view_canonical(&view, "/loop", out) == -ELOOP, "a loop");
	check(view_canonical(&view, "x", out) == -EINVAL, "relative");
	sys_close(file);
}

static void flags(void)
{
	int dir = (int)sys_open(".", O_PATH);

	check(result(dir, "file", LOCATE_BENEATH) == 0, "beneath");
	check(result(dir, "../dir/file", LOCATE_BENEATH) == -EXDEV, "not beneath");
	check(result(dir, "/dir/file", LOCATE_BENEATH) == -EXDEV, "absolute");
	check(result(dir, "abs", LOCATE_BENEATH | LOCATE_FOLLOW) == -EXDEV, "an absolute link");
	check(result(dir, "abs", LOCATE_BENEATH) == 0, "the link itself");
	check(result(dir, "abs", LOCATE_NO_LINKS | LOCATE_FOLLOW) == -ELOOP, "a link");
	check(result(dir, "abs", LOCATE_NO_LINKS) == 0, "the link itself again");
	check(result(dir, "/bin/prog", LOCATE_NO_LINKS | LOCATE_FOLLOW) == 0, "no link");
	check(result(dir, "/proc/self/cwd", LOCATE_NO_MAGIC | LOCATE_FOLLOW) == -ELOOP, "magic");
	check(result(dir, "/proc/self/status", LOCATE_NO_MAGIC) == 0, "no magic");
	sys_close(dir);
}

static void make_tree(void)
{
	join(root, TEXT, base, "/R", NULL);
	join(outside, TEXT, base, "/outside", NULL);
	sys_mkdirat(AT_FDCWD, "outside", 0755);
	sys_mkdirat(AT_FDCWD, "outside/sub", 0755);
	put_file("outside/sub/file");
	sys_symlinkat("sub/file", AT_FDCWD, "outside/rel");
	sys_symlinkat("/etc", AT_FDCWD, "outside/abs");
	sys_mkdirat(AT_FDCWD, "bound", 0755);
	sys_mkdirat(AT_FDCWD, "bound/sub", 0755);
	put_file("bound/sub/file");
	sys_mkdirat(AT_FDCWD, "R", 0755);
	chdir_to("R");
	sys_mkdirat(AT_FDCWD, "bin", 0755);
	put_file("bin/prog");
	sys_mkdirat(AT_FDCWD, "dir", 0755);
	put_file("dir/file");
	put_file("dir/other");
	sys_symlinkat("/etc", AT_FDCWD, "dir/abs");
	sys_symlinkat("/dir", AT_FDCWD, "abs");
	sys_symlinkat("proc/self/exe", AT_FDCWD, "exe");
	sys_symlinkat("only/here", AT_FDCWD, "tohere");
	sys_symlinkat("no/where", AT_FDCWD, "dangling");
	sys_symlinkat("loop", AT_FDCWD, "loop");
	chdir_to("dir");
}

/* A kernel, or a container's filter, without openat2(2). */
static void without_openat2(int error)
{
	struct instruction { /* struct sock_filter */
		uint16_t code;
		uint8_t yes, no;
		uint32_t k;
	} filter[] = {
		{0x20, 0, 0, 0},          /* load the number */
		{0x15, 0, 1, NR_openat2}, /* if it is this */
		{0x06, 0, 0, 0x50000 | (uint32_t)error}, /* SECCOMP_RET_ERRNO */
		{0x06, 0, 0, 0x7fff0000}, /* SECCOMP_RET_ALLOW */
	};
	struct {
		unsigned short count;
		struct instruction *filter;
	} program = {4, filter};
	int status = 1;
	long pid = sys_fork(0);

	if (pid == 0) {
		view.openat2 = 1;
		sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
		if (sys_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (unsigned long)&program) < 0)
			sys_exit(0); /* nor seccomp */
		sys_exit(!leads("/abs/../dir/file", LOCATE_FOLLOW, "/dir/file") || view.openat2);
	}
	sys_wait(pid, &status, 0);
	check(status == 0, "openat2 is refused");
}

static long idle_process(void)
{
	long child = sys_fork(0);

	if (child == 0)
		sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	while (child == 0)
		CALL(ppoll, 0, 0, 0, 0, 0);
	return child;
}

int main(int argc, char **argv)
{
	static char bound[TEXT];
	int first, last;

	if (argc < 2 || chdir_to(argv[1]) < 0)
		return check_skipped("no directory was given");
	CALL(getcwd, base, sizeof base, 0, 0, 0);
	make_tree();
	join(bound, TEXT, base, "/bound", NULL);
	self.exe = "/bin/prog";
	self.pid = (int)CALL(getpid, 0, 0, 0, 0, 0);
	self.tid = self.pid;
	decimal(pid, (uint64_t)self.pid);
	other.pid = other.tid = (int)idle_process();
	chdir_to(root);
	stranger = idle_process();
	chdir_to("dir");
	place.fd = -1;
	place.directory = AT_FDCWD;
	first = (int)sys_open("/", O_PATH);
	sys_close(first);
	for (int way = 0; way < 2; way++) {
		view.count = 0;
		view_bind(&view, root, "", 1);
		view_bind(&view, "/proc", "/proc", 1);
		view_bind(&view, "/proc", "/dir/p", 1);
		view_bind(&view, bound, "/only/here", 1);
		view.openat2 = !way;
		processes();
		descriptors();
		where();
		binds();
		flags();
	}
	deep();
	at_the_edge();
	long_texts();
	longest();
	without_openat2(ENOSYS);
	without_openat2(EPERM);
	place_close(&place);
	last = (int)sys_open("/", O_PATH);
	check(first == last, "no descriptor is left open");
	sys_kill(other.pid, SIGKILL);
	sys_kill(stranger, SIGKILL);
	while (sys_wait(-1, &first, 0) > 0)
		;
	return check_report();
}
