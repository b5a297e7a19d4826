/* resolve.c against the kernel: the same paths in the same trees, under real bind mounts and
 * chroot(2) in a user namespace, where the machine lets us have one. */
#include "check.h"
#include "resolve.h"
#include "view.h"

enum {
	MAX_QUESTIONS = 8000, MAX_NODES = 64, TEXT = 256,
	MAP_SHARED = 1, MS_PRIVATE = 1 << 18
};

enum kind { STAT, LSTAT, MKDIR, RENAME, KINDS };

struct question {
	const char *cwd; /* container path, canonical */
	const char *path;
	enum kind kind;
	int by_descriptor; /* relative to a descriptor of `cwd` */
};

struct answer {
	long error;
	uint64_t dev, ino;
	char container[TEXT]; /* of what exists */
};

static struct view view;
static struct container container = {.view = &view};
static struct subject self = {
	.container = &container, .proc = "/proc/self", .chroot = "", .exe = "/bin/prog"
};
static struct question questions[MAX_QUESTIONS];
static struct answer *answers; /* the kernel's, in shared memory */
static unsigned count;
static int with_kernel;
static char base[TEXT]; /* host path of the test's directory */

static long chdir_to(const char *path)
{
	return CALL(chdir, path, 0, 0, 0, 0);
}

static void put_file(const char *path, const char *text)
{
	long fd = sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0644);

	sys_write((int)fd, text, length(text));
	sys_close((int)fd);
}

static void put_link(const char *text, const char *path)
{
	sys_symlinkat(text, AT_FDCWD, path);
}

static void put_directory(const char *path)
{
	sys_mkdirat(AT_FDCWD, path, 0755);
}

/* The kernel's side. */

static void fill(struct answer *a, int fd, int proc)
{
	char link[FD_PATH_SIZE];
	struct stat st;
	long n;

	a->error = sys_fstat(fd, &st);
	a->dev = st.dev;
	a->ino = st.ino;
	n = sys_readlinkat(proc, fd_path(link, fd) + sizeof "/proc", a->container, TEXT - 1);
	a->container[n < 0 ? 0 : n] = 0;
}

static void ask_kernel(const struct question *q, struct answer *a, int proc)
{
	int dir = AT_FDCWD, old = 0;
	long fd;

	a->error = chdir_to(q->cwd);
	if (a->error < 0)
		return;
	if (q->by_descriptor) {
		dir = old = (int)sys_open(".", O_PATH);
		chdir_to("/");
	}
	if (q->kind == MKDIR) {
		a->error = sys_mkdirat(dir, q->path, 0755);
		if (a->error == 0)
			CALL(unlinkat, dir, q->path, AT_REMOVEDIR, 0, 0);
	} else if (q->kind == RENAME) {
		a->error = CALL(renameat2, dir, q->path, dir, q->path, 0);
	} else {
		fd = sys_openat(dir, q->path, O_PATH | (q->kind == LSTAT ? O_NOFOLLOW : 0), 0);
		a->error = fd < 0 ? fd : 0;
		if (fd >= 0) {
			fill(a, (int)fd, proc);
			sys_close((int)fd);
		}
	}
	if (q->by_descriptor)
		sys_close(old);
}

static void write_map(const char *path, uint32_t inside, uint32_t outside)
{
	char text[64], a[DECIMAL_SIZE], b[DECIMAL_SIZE];

	join(text, sizeof text, decimal(a, inside), " ", decimal(b, outside), " 1", NULL);
	put_file(path, text);
}

/* Makes this process see the container by the kernel's means. */
static long enter_container(const char *chroot)
{
	static char target[2 * PATH_MAX];
	uint32_t uid = (uint32_t)CALL(getuid, 0, 0, 0, 0, 0);
	uint32_t gid = (uint32_t)CALL(getgid, 0, 0, 0, 0, 0);
	const char *root = view.binds[view.count - 1].source;
	long error = CALL(unshare, CLONE_NEWUSER | CLONE_NEWNS, 0, 0, 0, 0);

	if (error < 0)
		return error;
	put_file("/proc/self/setgroups", "deny");
	write_map("/proc/self/uid_map", 0, uid);
	write_map("/proc/self/gid_map", 0, gid);
	error = sys_mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	for (unsigned i = view.count; error >= 0 && i--;) { /* the root, then shortest first */
		join(target, sizeof target, root, view.binds[i].target, NULL);
		error = sys_mount(view.binds[i].source, target, NULL, MS_BIND | MS_REC, NULL);
	}
	if (error >= 0)
		error = chdir_to(root);
	if (error >= 0)
		error = CALL(pivot_root, ".", ".", 0, 0, 0);
	if (error >= 0)
		error = CALL(umount2, ".", MNT_DETACH, 0, 0, 0);
	if (error >= 0)
		error = chdir_to("/");
	if (error >= 0 && *chroot)
		error = CALL(chroot, chroot, 0, 0, 0, 0);
	return error;
}

/* Lets the kernel answer all questions, in another process. The directory for a question is
 * opened before the last chroot(2). */
static void ask_the_kernel(void)
{
	int status = 1;
	long pid = sys_fork(0);

	if (pid == 0) {
		int proc = (int)sys_open("/proc", O_PATH), root;

		if (enter_container("") < 0)
			sys_exit(3);
		root = (int)sys_open("/", O_PATH);
		for (unsigned i = 0; i < count; i++) {
			if (*self.chroot) {
				struct question q = questions[i];

				/* First out of it, then to the directory, and in again. */
				CALL(fchdir, root, 0, 0, 0, 0);
				CALL(chroot, ".", 0, 0, 0, 0);
				answers[i].error = chdir_to(q.cwd);
				if (answers[i].error < 0)
					continue;
				CALL(chroot, self.chroot, 0, 0, 0, 0);
				q.cwd = ".";
				q.by_descriptor = 0;
				ask_kernel(&q, &answers[i], proc);
				answers[i].container[0] = 0; /* not seen from there */
			} else {
				ask_kernel(&questions[i], &answers[i], proc);
			}
		}
		sys_exit(0);
	}
	sys_wait(pid, &status, 0);
	if (status)
		with_kernel = 0;
}

/* Our side. */

static void ask_us(const struct question *q, struct answer *a, int how)
{
	static char host[PATH_MAX];
	static struct place place;
	int dir = AT_FDCWD;
	struct stat st;

	view_to_host(&view, q->cwd, host);
	a->error = chdir_to(host);
	if (a->error < 0)
		return;
	if (q->by_descriptor) {
		dir = (int)sys_open(".", O_PATH);
		chdir_to("/");
	}
	if (q->kind == STAT)
		how |= LOCATE_FOLLOW;
	else if (q->kind != LSTAT)
		how = LOCATE_NAME;
	a->error = locate(&self, dir, q->path, how, &place);
	if (a->error == 0) {
		check(how & LOCATE_OPEN || place.fd == -1, "a descriptor that nobody asked for");
		if (q->kind == MKDIR) {
			a->error = sys_mkdirat(place.directory, place.path, 0755);
			if (a->error == 0)
				CALL(unlinkat, place.directory, place.path, AT_REMOVEDIR, 0, 0);
		} else if (q->kind == RENAME) {
			a->error = q->path[0] == '/' && !q->path[q->path[1] == '/' ? 2 : 1]
			                   ? -EBUSY /* the root, place.mount says it */
			                   : CALL(renameat2, place.directory, place.path,
			                          place.directory, place.path, 0);
		} else if (how & LOCATE_OPEN) {
			a->error = place.error;
			check((place.fd < 0) == (place.error < 0), "a descriptor or an error");
			if (place.fd >= 0)
				a->error = sys_fstat(place.fd, &st);
		} else {
			a->error = CALL(newfstatat, place.directory, place.path, &st,
			                AT_SYMLINK_NOFOLLOW, 0);
		}
		if (a->error == 0 && q->kind <= LSTAT) {
			a->dev = st.dev;
			a->ino = st.ino;
			join(a->container, TEXT, place.container, NULL);
		}
		place_close(&place);
	}
	if (q->by_descriptor)
		sys_close(dir);
}

static void complain(const struct question *q, const struct answer *a, const char *who)
{
	static const char *const kinds[] = {"stat", "lstat", "mkdir", "rename"};
	char digits[DECIMAL_SIZE];

	check_say("  ");
	check_say(kinds[q->kind]);
	check_say(q->by_descriptor ? " (fd) " : " ");
	check_say(q->path);
	check_say(" in ");
	check_say(q->cwd);
	check_say(": ");
	check_say(who);
	check_say(a->error ? " error " : " ");
	check_say(a->error ? decimal(digits, (uint64_t)-a->error) : a->container);
	check_say("\n");
}

static int same(const struct answer *a, const struct answer *b, enum kind kind)
{
	if (a->error || b->error || kind > LSTAT)
		return a->error == b->error;
	return a->dev == b->dev && a->ino == b->ino
	       && (!*a->container || !*b->container || equal(a->container, b->container));
}

/* Asks all questions in every way, and compares. Returns whether all is well. */
static int compare(int root)
{
	unsigned before = check_failures;

	if (with_kernel)
		ask_the_kernel();
	for (unsigned i = 0; i < count; i++) {
		for (int way = 0; way < 6; way++) {
			struct answer ours = {0, 0, 0, ""};

			view.openat2 = way % 3 != 2;
			view.root = way % 3 == 1 ? root : -1;
			ask_us(&questions[i], &ours, way / 3 ? LOCATE_OPEN : 0);
			if (!with_kernel && way == 0)
				answers[i] = ours;
			if (!check(same(&ours, &answers[i], questions[i].kind), "differs")) {
				complain(&questions[i], &answers[i], "expected");
				complain(&questions[i], &ours,
				         way % 3 == 0   ? "openat2"
				         : way % 3 == 1 ? "openat2, root open"
				                        : "walk");
			}
		}
	}
	view.openat2 = 1;
	view.root = -1;
	chdir_to(base);
	count = 0;
	return check_failures == before;
}

static void ask(const char *cwd, const char *path)
{
	for (int kind = 0; kind < KINDS && count < MAX_QUESTIONS - 1; kind++) {
		questions[count++] = (struct question){cwd, path, (enum kind)kind, 0};
		questions[count++] = (struct question){cwd, path, (enum kind)kind, 1};
	}
}

/* A tree with all that is special, and what is asked about it. */

static char long_name[NAME_MAX + 2], long_path[PATH_MAX], longer_path[PATH_MAX + 1];

static const char *const paths[] = {
	"/", "//", "/.", "/..", "/../..", "/../../etc/passwd", ".", "..", "./", "../", "./.", "../..",
	"/etc/passwd", "//etc///passwd", "/etc/./passwd", "/etc/passwd/", "/etc/passwd/.",
	"/etc/passwd/..", "/etc/passwd/x", "/etc/passwd/../passwd", "/etc/", "/etc/.", "/etc/..",
	"passwd", "./passwd", "../etc/passwd", "etc/passwd", "x", "x/", "x/.", "x/..", "x/y", "/x/y",
	"/bin", "/bin/", "/bin/.", "/bin/..", "/bin/sh", "/bin/sh/", "/lib/ld", "/lib/ld/", "/lib64/ld",
	"/usr/lib/gcc/12/../../../bin/sh", "/usr/lib/gcc/../gcc/12/crt", "/lib/gcc/12/../../ld",
	"/loop", "/loop/", "/loop/x", "/self", "/self/x", "/selfdir", "/selfdir/selfdir/etc/passwd",
	"/dangling", "/dangling/", "/dangling/x", "/dangling2", "/dangling2/", "/dangling3", "/abs",
	"/abs/", "/up", "/up/passwd", "/dirlink", "/dirlink/", "/dirlink/.", "/dirlink/..",
	"/dirlink/sub", "/dotlink", "/dotlink/", "/parentlink", "/parentlink/", "/parentlink/sub",
	"/slashlink", "/slashlink/", "/slashlink/x", "/chain1", "/chain2", "/chain1/", "/chain2/",
	"/rootlink", "/rootlink/etc", "/rootlink/..", "/mnt", "/mnt/", "/mnt/..", "/mnt/out",
	"/mnt/out/", "/mnt/rel", "/mnt/top", "/mnt/top/passwd", "/mnt/hidden", "/mnt/in", "/mnt/in/..",
	"/mnt/in/f", "/mnt/in/../out", "/mnt/in/back", "/mnt/in/back/out", "/mnt/../mnt/in/f",
	"/tomnt", "/tomnt/", "/tomnt/out", "/tomnt/..", "/tomnt/in/f", "/intomnt", "/intomnt/f",
	"/etc/file", "/etc/file/", "/etc/file/x", "/etc/tofile", "/etc/tofile/", "/wasdir/../etc/file",
	"../mnt/in", "../../..", "../../../mnt/in/f", "in", "in/", "in/..", "in/../..", "in/f", "out",
	"sub", "sub/..", "sub/../..", "new", "new/", "new/.", "new/..", "sub/new", "/mnt/in/new",
	"/mnt/new/", "/etc/new", "passwd/", "passwd/..", ".x", "..x", "...", "/...", "/etc/..passwd",
	long_name, long_name + 1, long_path, longer_path
};
static const char *const directories[] = {"/", "/etc", "/dir", "/mnt", "/mnt/in", "/usr/lib/gcc"};

static void make_special_tree(void)
{
	char name[] = "chain00", to[] = "chain00";

	put_directory("R");
	put_directory("B");
	put_directory("N");
	put_file("F", "file");
	put_link("/etc/passwd", "B/out");
	put_link("../etc/passwd", "B/rel");
	put_link("/etc", "B/top");
	put_directory("B/in");
	put_directory("B/sub");
	put_file("N/f", "nested");
	put_link("../../mnt", "N/back");
	chdir_to("R");
	put_directory("etc");
	put_directory("usr");
	put_directory("usr/bin");
	put_directory("usr/lib");
	put_directory("usr/lib/gcc");
	put_directory("usr/lib/gcc/12");
	put_directory("dir");
	put_directory("dir/sub");
	put_directory("mnt");
	put_directory("mnt/hidden");
	put_directory("mnt/in");
	put_directory("wasdir");
	put_file("etc/passwd", "root");
	put_file("etc/file", "hidden");
	put_file("usr/bin/sh", "#!");
	put_file("usr/lib/ld-1.so", "ELF");
	put_file("usr/lib/gcc/12/crt", "ELF");
	put_link("usr/bin", "bin");
	put_link("/usr/lib", "lib");
	put_link("../../usr/lib", "lib64");
	put_link("/lib/ld-1.so", "usr/lib/ld");
	put_link("loop2", "loop");
	put_link("/loop", "loop2");
	put_link("self", "self");
	put_link(".", "selfdir");
	put_link("nowhere", "dangling");
	put_link("missing/x", "dangling2");
	put_link("nowhere/", "dangling3");
	put_link("/etc/passwd", "abs");
	put_link("../../../../etc", "up");
	put_link("dir", "dirlink");
	put_link("dir/.", "dotlink");
	put_link("dir/sub/..", "parentlink");
	put_link("etc/passwd/", "slashlink");
	put_link("/", "rootlink");
	put_link("../mnt/../mnt", "tomnt");
	put_link("tomnt/in", "intomnt");
	put_link("/etc/file", "etc/tofile");
	/* chain1 is 41 links, one too many; chain2 is 40. */
	for (int i = 1; i < 42; i++) {
		to[5] = (char)('0' + (i + 1) / 10);
		to[6] = (char)('0' + (i + 1) % 10);
		name[5] = (char)('0' + i / 10);
		name[6] = (char)('0' + i % 10);
		put_link(i == 41 ? "etc" : to, name);
	}
	put_link("etc", "chain42");
	put_link("chain02", "chain1");
	put_link("chain03", "chain2");
	chdir_to("..");
}

static char joined[8][TEXT]; /* host paths of what is bound */

static const char *below_base(unsigned slot, const char *name)
{
	join(joined[slot], TEXT, base, "/", name, NULL);
	return joined[slot];
}

static void special(void)
{
	static const char *const roots[] = {"", "/usr", "/mnt", "/mnt/in"};

	make_special_tree();
	long_path[0] = '/';
	for (unsigned i = 0; i < sizeof long_name - 1; i++)
		long_name[i] = 'n';
	for (unsigned i = 0; i < PATH_MAX; i++)
		longer_path[i] = i % 2 ? '.' : '/';
	join(long_path, sizeof long_path, longer_path + 1, NULL);
	view.count = 0;
	view_bind(&view, below_base(0, "R"), "", 1);
	view_bind(&view, below_base(1, "B"), "/mnt", 1);
	view_bind(&view, below_base(2, "N"), "/mnt/in", 1);
	view_bind(&view, below_base(3, "F"), "/etc/file", 0);
	for (unsigned r = 0; r < sizeof roots / sizeof *roots; r++) {
		int root = (int)sys_open(joined[0], O_PATH);

		self.chroot = roots[r];
		for (unsigned d = 0; d < sizeof directories / sizeof *directories; d++)
			for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
				ask(directories[d], paths[i]);
		check(count < MAX_QUESTIONS - 1, "all are asked");
		compare(root);
		sys_close(root);
	}
	self.chroot = "";
}

/* Trees, links and paths at random. */

static uint32_t state;

static uint32_t chance(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((state >> 8) % below);
}

static void random_path(char out[TEXT], int absolute)
{
	static const char *const names[] = {"a", "b", "c", "a", "b", "c", "..", ".", "x"};
	unsigned n = chance(5) + !absolute;

	out[0] = 0;
	join(out, TEXT, absolute ? "/" : "", NULL);
	while (n--)
		join(out + length(out), TEXT - length(out), names[chance(9)], n ? "/" : "", NULL);
	if (chance(8) == 0)
		join(out + length(out), TEXT - length(out), "/", NULL);
	if (!*out)
		join(out, TEXT, ".", NULL);
}

static char nodes[MAX_NODES][TEXT]; /* directories, below base; the first of a tree is its top */
static unsigned node_count;

static void random_tree(const char *top, unsigned size)
{
	unsigned first = node_count;

	put_directory(top);
	join(nodes[node_count++], TEXT, top, NULL);
	while (size--) {
		char path[TEXT], text[TEXT];
		const char *parent = nodes[first + chance(node_count - first)];

		join(path, TEXT, parent, "/", (const char *[]){"a", "b", "c"}[chance(3)], NULL);
		if (chance(2) == 0) {
			if (node_count < MAX_NODES && sys_mkdirat(AT_FDCWD, path, 0755) == 0)
				join(nodes[node_count++], TEXT, path, NULL);
		} else if (chance(4)) {
			random_path(text, chance(2) == 0);
			put_link(text, path);
		} else {
			sys_close((int)sys_openat(AT_FDCWD, path, O_CREAT | O_EXCL, 0644));
		}
	}
}

static int random_world(uint32_t seed)
{
	static char asked[40][TEXT], targets[2][TEXT];
	char name[TEXT], digits[DECIMAL_SIZE];
	unsigned middle, ours;
	int root, good;

	state = seed;
	node_count = 0;
	join(name, TEXT, "w", decimal(digits, seed), NULL);
	put_directory(name);
	chdir_to(name);
	random_tree("R", 25);
	ours = node_count;
	random_tree("B", 12);
	middle = node_count;
	random_tree("N", 8);
	join(name + length(name), TEXT - length(name), "/R", NULL);
	view.count = 0;
	view_bind(&view, below_base(0, name), "", 1);
	name[length(name) - 1] = 'B';
	if (ours > 1) {
		join(targets[0], TEXT, nodes[1 + chance(ours - 1)] + 1, NULL);
		view_bind(&view, below_base(1, name), targets[0], 1);
		name[length(name) - 1] = 'N';
		if (middle > ours + 1) {
			join(targets[1], TEXT, targets[0],
			     nodes[ours + 1 + chance(middle - ours - 1)] + 1, NULL);
			view_bind(&view, below_base(2, name), targets[1], 1);
		}
	}
	for (unsigned i = 0; i < 40; i++) {
		random_path(asked[i], chance(2) == 0);
		ask(view.binds[chance(view.count)].target, asked[i]);
	}
	for (unsigned i = 0; i < count; i++)
		if (!*questions[i].cwd)
			questions[i].cwd = "/";
	if (chance(3) == 0)
		self.chroot = view.binds[chance(view.count)].target;
	chdir_to(base);
	root = (int)sys_open(joined[0], O_PATH);
	good = compare(root);
	sys_close(root);
	self.chroot = "";
	return good;
}

static void at_random(uint32_t first, uint32_t worlds)
{
	for (uint32_t seed = first; seed < first + worlds; seed++)
		if (!random_world(seed)) {
			char digits[DECIMAL_SIZE];

			check_say("seed ");
			check_say(decimal(digits, seed));
			check_say("\n");
			break;
		}
}

int main(int argc, char **argv)
{
	int first_fd, last_fd;

	if (argc < 2 || chdir_to(argv[1]) < 0)
		return check_skipped("no directory was given");
	CALL(getcwd, base, sizeof base, 0, 0, 0);
	self.pid = (int)CALL(getpid, 0, 0, 0, 0, 0);
	self.tid = self.pid;
	answers = (struct answer *)syscall6(NR_mmap, 0, sizeof *answers * MAX_QUESTIONS,
	                                    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	                                    -1, 0);
	first_fd = (int)sys_open("/", O_PATH);
	sys_close(first_fd);
	with_kernel = 1;
	special();
	at_random(1, argc > 2 ? (uint32_t)number(argv[2], 0, 10) : 60);
	last_fd = (int)sys_open("/", O_PATH);
	check(last_fd == first_fd, "no descriptor is left open");
	if (!with_kernel)
		check_say("only with ourselves: no user namespace\n");
	return check_report();
}
