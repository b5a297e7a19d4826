#include "system.h"

#include "kernel.h"
#include "mounting.h"
#include "text.h"

static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};

static const struct {
	const char *name, *text;
} links[] = {
	{"fd", "/proc/self/fd"},         {"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},   {"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
};

static const char *below(char path[PATH_MAX], const char *directory, const char *name)
{
	attempt(join(path, PATH_MAX, directory, "/", name, NULL), "use ", directory);
	return path;
}

/* What --proc and --sys mounted. Paths in them are found from these descriptors: where a path
 * leads is up to the image, and to another container with the same root even meanwhile. */
static struct system_mount {
	const char *target;
	int fd;
} proc, sys;

enum { PROC_SUPER_MAGIC = 0x9fa0, PROC_ROOT_INO = 1 };

/* The part of `path` that is inside of `mount`, NULL if it is elsewhere. */
static const char *inside(const struct system_mount *mount, const char *path)
{
	const char *target = mount->target;

	if (!target)
		return NULL;
	while (*target && *target == *path)
		target++, path++;
	return *target || *path != '/' ? NULL : path;
}

static long find(const char *path)
{
	const struct system_mount *mount = inside(&proc, path) ? &proc : &sys;
	const char *rest = inside(mount, path);

	if (!rest)
		fail(STATUS_SETUP, 0, "not inside of what --proc or --sys made before: ", path, NULL);
	return resolve(mount->fd, rest, MISSING_IS_ERROR);
}

/* Opens what is to be covered or protected, if anything is there. */
static int exists(const char *path, int *fd)
{
	long found = find(path);

	if (found == -ENOENT || found == -EACCES)
		return 0; /* not in this kernel, or not for us to see, so not for the container */
	attempt(found ? found : -EINVAL, "find ", path);
	*fd = (int)found;
	return 1;
}

void mask(const char *path)
{
	struct stat st;
	int fd;

	if (!exists(path, &fd))
		return;
	attempt(sys_fstat(fd, &st), "examine ", path);
	attempt(S_ISDIR(st.mode)
	                ? mount_on(fd, "tmpfs", "tmpfs", SEALED | MS_RDONLY, "size=4k,nr_inodes=1")
	                : mount_on(fd, "/dev/null", NULL, MS_BIND, NULL),
	        "mask ", path);
	sys_close(fd);
}

void keep_read_only(const char *path)
{
	char self[FD_PATH_SIZE];
	long mounted;
	int fd;

	if (!exists(path, &fd))
		return;
	attempt(mount_on(fd, fd_path(self, fd), NULL, MS_BIND | MS_REC, NULL), "protect ", path);
	sys_close(fd);
	attempt(mounted = find(path), "find ", path);
	attempt(restrict_mount((int)mounted, MOUNT_ATTR_RDONLY, 1), "protect ", path);
	sys_close((int)mounted);
}

void mount_proc(int root, const char *target)
{
	struct statfs fs;
	struct stat st;
	long fd = open_target(root, target, MISSING_DIRECTORY);
	long error = mount_on((int)fd, "proc", "proc", SEALED, NULL);

	sys_close((int)fd);
	proc.target = target;
	if (error < 0) {
		/* A container around us that masks parts of its /proc makes the kernel refuse a
		 * fresh one; then the host's has to do. */
		proc.fd = bind(root, "/proc", target, SAFE);
		return;
	}
	proc.fd = (int)open_target(root, target, MISSING_IS_ERROR);
	attempt(CALL(fstatfs, proc.fd, &fs, 0, 0, 0), "examine ", target);
	attempt(sys_fstat(proc.fd, &st), "examine ", target);
	if (fs.type != PROC_SUPER_MAGIC || st.ino != PROC_ROOT_INO)
		fail(STATUS_SETUP, -ESTALE, "cannot mount proc at ", target, NULL);
}

void mount_sys(int root, const char *target)
{
	sys.target = target;
	sys.fd = bind(root, "/sys", target, SAFE | MOUNT_ATTR_RDONLY);
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
	sys_close(bind(root, terminal, target, 0));
}

void mount_dev(int root, const char *target, int many_ids)
{
	char path[PATH_MAX], source[PATH_MAX];
	struct stat st;
	long fd;

	mount_new(root, "tmpfs", target, MS_NOSUID | MS_STRICTATIME, "mode=755,size=64k");
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		below(source, "/dev", devices[i]);
		if (sys_stat(source, &st) >= 0)
			sys_close(bind(root, source, below(path, target, devices[i]), 0));
	}
	fd = open_target(root, target, MISSING_IS_ERROR);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		attempt(sys_symlinkat(links[i].text, (int)fd, links[i].name), "make /dev/",
		        links[i].name);
	sys_close((int)fd);
	/* The group tty owns terminals; with a map of one id there is no such group. */
	mount_new(root, "devpts", below(path, target, "pts"), MS_NOSUID | MS_NOEXEC,
	          many_ids ? "newinstance,ptmxmode=0666,mode=0620,gid=5"
	                   : "newinstance,ptmxmode=0666,mode=0620");
	mount_new(root, "tmpfs", below(path, target, "shm"), MS_NOSUID | MS_NODEV, "mode=1777");
	bind_console(root, below(path, target, "console"));
	fd = open_target(root, below(path, target, "mqueue"), MISSING_DIRECTORY);
	/* not in every kernel, and a container around us may not allow it */
	if (mount_on((int)fd, "mqueue", "mqueue", SEALED, NULL) < 0)
		mount_on((int)fd, "tmpfs", "tmpfs", SEALED, "mode=1777");
	sys_close((int)fd);
}
