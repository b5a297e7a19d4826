#include "mounts.h"

#include "identity.h"
#include "kernel.h"
#include "resolve.h"
#include "text.h"

/* What the image's own files, and every bind, lose. */
#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define SEALED (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};

static const struct {
	const char *name, *text;
} links[] = {
	{"fd", "/proc/self/fd"},         {"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},   {"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
};

static void attempt(long result, const char *what, const char *target)
{
	if (result < 0)
		fail(STATUS_SETUP, result, "cannot ", what, target, NULL);
}

/* mount(2) onto an open descriptor: nobody can put a link in its way. */
static long mount_on(int fd, const char *source, const char *type, unsigned long flags,
                     const char *data)
{
	char path[FD_PATH_SIZE];

	return sys_mount(source, fd_path(path, fd), type, flags, data);
}

/* Adds restrictions to the mount that `fd` is in, to those below it too if `recursive`. */
static long restrict_mount(int fd, uint64_t attributes, int recursive)
{
	struct mount_attr attr = {.attr_set = attributes};
	struct statfs st;
	unsigned long flags = 0;
	long result = CALL(mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
	                   &attr, sizeof attr);

	/* Older containers' filters answer EPERM where a kernel before 5.12 says ENOSYS. */
	if (result != -ENOSYS && result != -EPERM)
		return result;
	result = CALL(fstatfs, fd, &st, 0, 0, 0);
	if (result < 0)
		return result;
	/* A remount sets all flags anew, and flags that the host has set may not be cleared. */
	flags = (unsigned long)st.flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
	flags |= st.flags & ST_NOATIME ? MS_NOATIME : 0;
	flags |= st.flags & ST_NODIRATIME ? MS_NODIRATIME : 0;
	flags |= st.flags & ST_RELATIME ? MS_RELATIME : 0;
	return mount_on(fd, NULL, NULL, MS_REMOUNT | MS_BIND | flags | attributes, NULL);
}

static long open_target(int root, const char *target, enum missing missing)
{
	long fd = resolve(root, target, missing);

	if (fd == 0)
		fail(STATUS_SETUP, 0, "cannot mount over the root: ", target, NULL);
	if (fd < 0)
		fail(STATUS_SETUP, fd, "cannot make the mount point ", target, NULL);
	return fd;
}

static void bind(int root, const char *source, const char *target, uint64_t attributes)
{
	struct stat st;
	long fd, error = sys_stat(source, &st);

	if (error >= 0) {
		fd = open_target(root, target,
		                 S_ISDIR(st.mode) ? MISSING_DIRECTORY : MISSING_FILE);
		error = mount_on((int)fd, source, NULL, MS_BIND | MS_REC, NULL);
		sys_close((int)fd);
	}
	if (error >= 0 && attributes) {
		/* `fd` was what is covered now. */
		fd = open_target(root, target, MISSING_IS_ERROR);
		error = restrict_mount((int)fd, attributes, 1);
		sys_close((int)fd);
	}
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot bind ", source, " at ", target, NULL);
}

static void mount_new(int root, const char *type, const char *target, unsigned long flags,
                      const char *data)
{
	long fd = open_target(root, target, MISSING_DIRECTORY);
	long error = mount_on((int)fd, type, type, flags, data);

	if (error < 0)
		fail(STATUS_SETUP, error, "cannot mount ", type, " at ", target, NULL);
	sys_close((int)fd);
}

static const char *below(char path[PATH_MAX], const char *directory, const char *name)
{
	attempt(join(path, PATH_MAX, directory, "/", name, NULL), "use ", directory);
	return path;
}

/* Covers what exists at `path`. */
static void mask(int root, const char *path)
{
	struct stat st;
	long fd = resolve(root, path, MISSING_IS_ERROR);

	if (fd <= 0)
		return; /* not in this kernel, or not for us to see */
	attempt(sys_fstat((int)fd, &st), "examine ", path);
	attempt(S_ISDIR(st.mode)
	                ? mount_on((int)fd, "tmpfs", "tmpfs", SEALED | MS_RDONLY, "size=4k,nr_inodes=1")
	                : mount_on((int)fd, "/dev/null", NULL, MS_BIND, NULL),
	        "mask ", path);
	sys_close((int)fd);
}

static void keep_read_only(int root, const char *path)
{
	char self[FD_PATH_SIZE];
	long fd = resolve(root, path, MISSING_IS_ERROR);

	if (fd <= 0)
		return;
	attempt(mount_on((int)fd, fd_path(self, (int)fd), NULL, MS_BIND | MS_REC, NULL),
	        "protect ", path);
	sys_close((int)fd);
	fd = open_target(root, path, MISSING_IS_ERROR);
	attempt(restrict_mount((int)fd, MOUNT_ATTR_RDONLY, 1), "protect ", path);
	sys_close((int)fd);
}

static void mount_proc(int root, const char *target)
{
	long fd = open_target(root, target, MISSING_DIRECTORY);
	long error = mount_on((int)fd, "proc", "proc", SEALED, NULL);

	sys_close((int)fd);
	/* A container around us that masks parts of its /proc makes the kernel refuse a fresh one;
	 * then the host's has to do. */
	if (error < 0)
		bind(root, "/proc", target, SAFE);
}

/* Shows the terminal of standard input as the console, so that ttyname(3) finds it. */
static void bind_console(int root, const char *target)
{
	char terminal[PATH_MAX], settings[256];
	struct stat named, open;
	long n;

	if (sys_ioctl(0, TCGETS, settings) < 0)
		return;
	n = sys_readlinkat(AT_FDCWD, "/proc/self/fd/0", terminal, sizeof terminal - 1);
	if (n <= 0)
		return;
	terminal[n] = 0;
	/* It may belong to the /dev/pts of another container. */
	if (sys_stat(terminal, &named) < 0 || sys_fstat(0, &open) < 0 || named.rdev != open.rdev)
		return;
	bind(root, terminal, target, 0);
}

static void mount_dev(int root, const char *target, const struct options *o)
{
	char path[PATH_MAX], source[PATH_MAX];
	struct stat st;
	long fd;

	mount_new(root, "tmpfs", target, MS_NOSUID | MS_STRICTATIME, "mode=755,size=64k");
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		below(source, "/dev", devices[i]);
		if (sys_stat(source, &st) >= 0)
			bind(root, source, below(path, target, devices[i]), 0);
	}
	fd = open_target(root, target, MISSING_IS_ERROR);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		attempt(sys_symlinkat(links[i].text, (int)fd, links[i].name), "make /dev/",
		        links[i].name);
	sys_close((int)fd);
	/* The group tty owns terminals; with a map of one id there is no such group. */
	mount_new(root, "devpts", below(path, target, "pts"), MS_NOSUID | MS_NOEXEC,
	          o->gids.count ? "newinstance,ptmxmode=0666,mode=0620,gid=5"
	                        : "newinstance,ptmxmode=0666,mode=0620");
	mount_new(root, "tmpfs", below(path, target, "shm"), MS_NOSUID | MS_NODEV, "mode=1777");
	bind_console(root, below(path, target, "console"));
	fd = open_target(root, below(path, target, "mqueue"), MISSING_DIRECTORY);
	/* not in every kernel, and a container around us may not allow it */
	if (mount_on((int)fd, "mqueue", "mqueue", SEALED, NULL) < 0)
		mount_on((int)fd, "tmpfs", "tmpfs", SEALED, "mode=1777");
	sys_close((int)fd);
}

static void copy_data(int from, int to, const char *target)
{
	char buffer[16384];
	long n;

	while ((n = sys_read(from, buffer, sizeof buffer)) > 0)
		for (long done = 0, w; done < n; done += w)
			attempt(w = sys_write(to, buffer + done, (size_t)(n - done)), "write ", target);
	attempt(n, "read the content of ", target);
	sys_close(from);
}

/* Makes the private files in a file system in memory, which is mounted only for the moment: over
 * the root, that being the one directory that is there for certain. */
static void mount_data(int root, const struct options *o)
{
	int staging = -1;

	for (int i = 0; i < o->mount_count; i++) {
		const struct mount *m = &o->mounts[i];
		char name[DECIMAL_SIZE], source[FD_PATH_SIZE];
		long fd, target;

		if (m->kind != MOUNT_DATA)
			continue;
		if (staging < 0) {
			attempt(mount_on(root, "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=700"),
			        "make private files in ", o->root);
			attempt(staging = (int)sys_open(o->root, O_RDONLY | O_DIRECTORY), "open ",
			        o->root);
		}
		fd = sys_openat(staging, decimal(name, (uint64_t)i), O_CREAT | O_EXCL | O_WRONLY,
		                m->mode);
		attempt(fd, "make the file for ", m->target);
		copy_data(m->fd, (int)fd, m->target);
		attempt(CALL(fchmod, fd, m->mode, 0, 0, 0), "set the mode of ", m->target);
		target = open_target(root, m->target, MISSING_FILE);
		attempt(mount_on((int)target, fd_path(source, (int)fd), NULL, MS_BIND, NULL),
		        "show a private file at ", m->target);
		sys_close((int)target);
		sys_close((int)fd);
	}
	if (staging >= 0) {
		char path[FD_PATH_SIZE];

		attempt(CALL(umount2, fd_path(path, staging), MNT_DETACH, 0, 0, 0), "unmount over ",
		        o->root);
		sys_close(staging);
	}
}

static void mount_one(int root, const struct mount *m, const struct options *o)
{
	switch (m->kind) {
	case MOUNT_BIND:
		bind(root, m->source, m->target, SAFE);
		break;
	case MOUNT_RO_BIND:
		bind(root, m->source, m->target, SAFE | MOUNT_ATTR_RDONLY);
		break;
	case MOUNT_DEV_BIND:
		bind(root, m->source, m->target, MOUNT_ATTR_NOSUID);
		break;
	case MOUNT_TMPFS:
		mount_new(root, "tmpfs", m->target, SEALED, "mode=1777");
		break;
	case MOUNT_DEV:
		mount_dev(root, m->target, o);
		break;
	case MOUNT_PROC:
		mount_proc(root, m->target);
		break;
	case MOUNT_SYS: /* a fresh one would need a network namespace */
		bind(root, "/sys", m->target, SAFE | MOUNT_ATTR_RDONLY);
		break;
	case MOUNT_MASK:
		mask(root, m->target);
		break;
	case MOUNT_READ_ONLY:
		keep_read_only(root, m->target);
		break;
	case MOUNT_DATA: /* after all others */
		break;
	}
}

void build_root(const struct options *o)
{
	long root, error;

	/* Mounts that the host makes later, such as automounted homes, still appear in our binds;
	 * none of ours appears on the host. */
	error = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot mount in a user namespace", refusal(error), NULL);
	attempt(sys_mount(o->root, o->root, NULL, MS_BIND | MS_REC, NULL), "use the root ", o->root);
	attempt(root = sys_open(o->root, O_PATH | O_DIRECTORY), "open the root ", o->root);
	attempt(restrict_mount((int)root, SAFE, 1), "protect the root ", o->root);
	for (int i = 0; i < o->mount_count; i++)
		mount_one((int)root, &o->mounts[i], o);
	mount_data((int)root, o);
	if (o->read_only_root)
		attempt(restrict_mount((int)root, MOUNT_ATTR_RDONLY, 0), "make read-only ", o->root);

	/* The old root is mounted over the new one, then taken away (pivot_root(2), notes). */
	attempt(CALL(fchdir, root, 0, 0, 0, 0), "enter the root ", o->root);
	attempt(CALL(pivot_root, ".", ".", 0, 0, 0), "change to the root ", o->root);
	attempt(CALL(umount2, ".", MNT_DETACH, 0, 0, 0), "unmount ", "the host's root");
	attempt(CALL(chdir, "/", 0, 0, 0, 0), "enter ", "/");
	sys_close((int)root);
}
