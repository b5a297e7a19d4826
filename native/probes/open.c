/* Opening files: open(2), openat2(2), creat(2). */
#include "probe.h"

#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/time.h>

static long openat2(int directory, const char *path, uint64_t flags, uint64_t mode,
                    uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};

	return syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

static mode_t mode_of(const char *path)
{
	struct stat seen;

	works(lstat(path, &seen));
	return seen.st_mode & 07777;
}

PROBE(open_write_and_read)
{
	char text[16] = "";
	int fd = (int)works(open("file", O_RDWR | O_CREAT, 0644));

	equal(write(fd, "12345", 5), 5);
	equal(lseek(fd, 1, SEEK_SET), 1);
	equal(read(fd, text, sizeof(text)), 4);
	same_text(text, "2345");
	works(close(fd));
	refused(open("missing", O_RDONLY), ENOENT);
}

#ifdef SYS_open
PROBE(open_by_the_old_calls)
{
	int fd = (int)works(syscall(SYS_creat, "file", 0640));

	refused(read(fd, &fd, 1), EBADF);
	works(syscall(SYS_open, "file", O_RDONLY));
	equal(mode_of("file"), 0640);
	refused(syscall(SYS_open, "missing", O_RDONLY), ENOENT);
}
#endif

PROBE(open_descriptor_number)
{
	int low;

	put("file", "x");
	low = (int)works(open("file", O_RDONLY));
	works(open("file", O_RDONLY));
	works(close(low));
	equal(open("file", O_RDONLY), low);
	works(close(0));
	equal(open("file", O_RDONLY), 0);
}

PROBE(open_close_on_exec)
{
	int fd;

	put("file", "x");
	fd = (int)works(open("file", O_RDONLY));
	equal(fcntl(fd, F_GETFD), 0);
	fd = (int)works(open("file", O_RDONLY | O_CLOEXEC));
	equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	fd = (int)works(open("new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

PROBE(open_status_flags)
{
	const int kept = O_ACCMODE | O_APPEND | O_NONBLOCK | O_NOATIME | O_DSYNC | O_DIRECTORY | O_PATH;
	int fd;

	put("file", "x");
	fd = (int)works(open("file", O_RDWR | O_APPEND | O_NONBLOCK | O_DSYNC));
	equal(fcntl(fd, F_GETFL) & kept, O_RDWR | O_APPEND | O_NONBLOCK | O_DSYNC);
	fd = (int)works(open(".", O_RDONLY | O_DIRECTORY));
	equal(fcntl(fd, F_GETFL) & kept, O_DIRECTORY);
	fd = (int)works(open("file", O_WRONLY | O_NOATIME));
	equal(fcntl(fd, F_GETFL) & kept, O_WRONLY | O_NOATIME);
	fd = (int)works(open("file", O_PATH));
	equal(fcntl(fd, F_GETFL) & kept, O_PATH);
}

PROBE(open_append_and_truncate)
{
	int fd;

	put("file", "123");
	fd = (int)works(open("file", O_WRONLY | O_APPEND));
	equal(write(fd, "45", 2), 2);
	same_text(get("file"), "12345");
	works(open("file", O_WRONLY | O_TRUNC));
	same_text(get("file"), "");
}

PROBE(open_creates_with_umask)
{
	umask(027);
	works(open("a", O_WRONLY | O_CREAT, 0666));
	equal(mode_of("a"), 0640);
	works(open("b", O_WRONLY | O_CREAT | O_EXCL, 0777));
	equal(mode_of("b"), 0750);
	umask(0);
	works(open("c", O_WRONLY | O_CREAT, 06711));
	equal(mode_of("c"), 06711);
	works(open("d", O_RDWR | O_CREAT, 0));
	equal(mode_of("d"), 0);
	works(open("a", O_WRONLY | O_CREAT, 0777));
	equal(mode_of("a"), 0640);
}

PROBE(open_umask_of_each_process)
{
	pid_t pid;

	umask(077);
	pid = spawn();
	if (!pid) {
		umask(0);
		works(open("child", O_WRONLY | O_CREAT, 0666));
		_exit(0);
	}
	join(pid);
	works(open("parent", O_WRONLY | O_CREAT, 0666));
	equal(mode_of("child"), 0666);
	equal(mode_of("parent"), 0600);
	equal(umask(0), 077);
}

PROBE(open_exclusive)
{
	put("file", "x");
	works(mkdir("d", 0755));
	refused(open("file", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	refused(open("d", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	works(open("new", O_WRONLY | O_CREAT | O_EXCL, 0644));
}

PROBE(open_directory)
{
	put("file", "x");
	works(open(".", O_RDONLY | O_DIRECTORY));
	works(open(".", O_RDONLY));
	refused(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
	refused(open(".", O_WRONLY), EISDIR);
	refused(open(".", O_RDWR | O_CREAT, 0644), EISDIR);
	refused(open("/", O_WRONLY | O_TRUNC), EISDIR);
}

PROBE(open_does_not_follow)
{
	struct stat seen;
	int fd;

	put("file", "x");
	works(symlink("file", "link"));
	works(symlink(".", "here"));
	refused(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
	refused(open("link", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644), ELOOP);
	refused(open("here", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
	works(open("here/file", O_RDONLY | O_NOFOLLOW));
	fd = (int)works(open("link", O_PATH | O_NOFOLLOW));
	works(fstat(fd, &seen));
	check(S_ISLNK(seen.st_mode));
}

PROBE(open_only_a_path)
{
	char text[8];
	struct stat seen;
	int fd;

	put("file", "12345");
	fd = (int)works(open("file", O_PATH));
	refused(read(fd, text, 1), EBADF);
	works(fstat(fd, &seen));
	equal(seen.st_size, 5);
	refused(syscall(SYS_fchmod, fd, 0600), EBADF);
	works(chmod("file", 0));
	works(open("file", O_PATH | O_CLOEXEC));
	refused(open("missing", O_PATH), ENOENT);
	refused(open("file", O_PATH | O_DIRECTORY), ENOTDIR);
}

PROBE(open_temporary)
{
	char path[64];
	struct stat seen;
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);

	if (fd < 0 && errno == EOPNOTSUPP)
		skip("not in this file system");
	works(fd);
	works(fstat(fd, &seen));
	equal(seen.st_nlink, 0);
	equal(seen.st_mode & 07777, 0640);
	equal(write(fd, "12345", 5), 5);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	works(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	same_text(get("named"), "12345");
}

PROBE(open_too_many)
{
	struct rlimit limit = {16, 16};
	int error = 0;

	put("file", "x");
	works(setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < 20 && !error; i++)
		if (open("file", O_RDONLY) < 0)
			error = errno;
	equal(error, EMFILE);
	refused(open("file", O_RDONLY | O_CREAT, 0644), EMFILE);
	works(close(3));
	equal(open("file", O_RDONLY), 3);
}

PROBE(open_without_permission_bits)
{
	need_root();
	put("file", "12345");
	works(chmod("file", 0));
	same_text(get("file"), "12345");
	works(open("file", O_RDWR));
	equal(mode_of("file"), 0);
	works(mkdir("d", 0755));
	put("d/file", "12345");
	works(chmod("d", 0));
	same_text(get("d/file"), "12345");
	works(open("d", O_RDONLY | O_DIRECTORY));
	equal(mode_of("d"), 0);
	works(chmod("d", 0555));
	works(open("d/new", O_WRONLY | O_CREAT, 0644));
	works(unlink("d/file"));
	equal(mode_of("d"), 0555);
}

PROBE(open_devices)
{
	char text[8] = "abcdefg";
	struct stat seen;
	int fd = (int)works(open("/dev/null", O_RDWR));

	equal(read(fd, text, 4), 0);
	equal(write(fd, text, 4), 4);
	works(fstat(fd, &seen));
	check(S_ISCHR(seen.st_mode));
	fd = (int)works(open("/dev/zero", O_RDONLY));
	equal(read(fd, text, 4), 4);
	equal(text[0], 0);
	fd = (int)works(open("/dev/full", O_WRONLY));
	refused(write(fd, text, 4), ENOSPC);
	works(open("/dev/urandom", O_RDONLY | O_CLOEXEC));
}

PROBE(open_socket_file)
{
	need_root();
	works(mknod("socket", S_IFSOCK | 0644, 0));
	refused(open("socket", O_RDONLY), ENXIO);
	works(open("socket", O_PATH));
}

PROBE(open_bad_flags)
{
	put("file", "x");
	check(open("file", O_RDONLY | O_TMPFILE, 0644) == -1);
	works(mkdir("d", 0755));
	refused(open("d", O_TMPFILE | O_RDONLY, 0644), EINVAL);
}

/* A FIFO: opening one waits for the other side. */
static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void handle_alarm(int flags)
{
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};

	works(sigaction(SIGALRM, &action, NULL));
}

PROBE(fifo_waits_for_the_other_side)
{
	char text[8] = "";
	pid_t pid;
	int fd;

	works(mkfifo("fifo", 0644));
	pid = spawn();
	if (!pid) {
		usleep(50 * 1000);
		fd = (int)works(open("fifo", O_WRONLY));
		equal(write(fd, "12345", 5), 5);
		_exit(0);
	}
	fd = (int)works(open("fifo", O_RDONLY));
	equal(read(fd, text, sizeof(text)), 5);
	same_text(text, "12345");
	join(pid);
}

PROBE(fifo_without_waiting)
{
	int fd;

	works(mkfifo("fifo", 0644));
	refused(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	fd = (int)works(open("fifo", O_RDONLY | O_NONBLOCK));
	works(open("fifo", O_WRONLY | O_NONBLOCK));
	works(close(fd));
	works(open("fifo", O_RDWR));
}

PROBE(fifo_open_interrupted)
{
	works(mkfifo("fifo", 0644));
	handle_alarm(0);
	works(setitimer(ITIMER_REAL, &(struct itimerval){{0, 50000}, {0, 50000}}, NULL));
	refused(open("fifo", O_RDONLY), EINTR);
	check(signals > 0);
	refused(openat(AT_FDCWD, in_scratch("fifo"), O_WRONLY), EINTR);
}

PROBE(fifo_open_restarted)
{
	pid_t pid;
	int fd;

	works(mkfifo("fifo", 0644));
	handle_alarm(SA_RESTART);
	pid = spawn();
	if (!pid) {
		usleep(300 * 1000);
		works(open("fifo", O_WRONLY));
		_exit(0);
	}
	works(setitimer(ITIMER_REAL, &(struct itimerval){{0, 20000}, {0, 20000}}, NULL));
	fd = (int)works(open("fifo", O_RDONLY));
	works(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL));
	check(signals > 3);
	works(close(fd));
	join(pid);
}

PROBE(fifo_opener_killed)
{
	pid_t pid;

	works(mkfifo("fifo", 0644));
	pid = spawn();
	if (!pid) {
		open("fifo", O_RDONLY);
		_exit(1);
	}
	usleep(50 * 1000);
	works(kill(pid, SIGKILL));
	equal(wait_status(pid), SIGKILL);
	refused(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
}

PROBE(fifo_of_another_root_file)
{
	/* A blocked open must not keep others from theirs. */
	pid_t pid;

	works(mkfifo("fifo", 0644));
	put("file", "12345");
	pid = spawn();
	if (!pid) {
		open("fifo", O_RDONLY);
		_exit(0);
	}
	usleep(20 * 1000);
	for (int i = 0; i < 100; i++)
		works(close((int)works(open("file", O_RDONLY))));
	works(open("fifo", O_WRONLY));
	join(pid);
}

/* openat2(2) */

PROBE(openat2_opens)
{
	int fd;

	put("file", "12345");
	need(openat2(AT_FDCWD, "file", O_RDONLY, 0, 0));
	fd = (int)works(openat2(AT_FDCWD, in_scratch("file"), O_RDONLY | O_CLOEXEC, 0, 0));
	equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	works(openat2(AT_FDCWD, "new", O_WRONLY | O_CREAT, 0666, 0));
	equal(mode_of("new"), 0644);
	refused(openat2(AT_FDCWD, "missing", O_RDONLY, 0, 0), ENOENT);
}

PROBE(openat2_arguments)
{
	struct {
		struct open_how how;
		uint64_t more;
	} how = {.how = {.flags = O_RDONLY}};

	put("file", "x");
	need(openat2(AT_FDCWD, "file", O_RDONLY, 0, 0));
	refused(syscall(SYS_openat2, AT_FDCWD, "file", &how, 8), EINVAL);
	works(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how)));
	how.more = 1;
	refused(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how)), E2BIG);
	refused(syscall(SYS_openat2, AT_FDCWD, "file", NULL, sizeof(how.how)), EFAULT);
	refused(openat2(AT_FDCWD, "file", O_RDONLY, 0644, 0), EINVAL);
	refused(openat2(AT_FDCWD, "file", 1ULL << 40, 0, 0), EINVAL);
	refused(openat2(AT_FDCWD, "file", O_RDONLY, 0, 1ULL << 40), EINVAL);
	refused(openat2(AT_FDCWD, "file", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT), EINVAL);
}

/* d/file, d/link -> file, d/up -> ../file, d/root -> /file, d/e; file */
static int make_tree(void)
{
	works(mkdir("d", 0755));
	works(mkdir("d/e", 0755));
	put("d/file", "inside");
	put("file", "outside");
	works(symlink("file", "d/link"));
	works(symlink("../file", "d/up"));
	works(symlink("/file", "d/root"));
	return (int)works(open("d", O_PATH | O_DIRECTORY));
}

PROBE(openat2_beneath)
{
	int d = make_tree();

	need(openat2(d, "file", O_RDONLY, 0, RESOLVE_BENEATH));
	works(openat2(d, "link", O_RDONLY, 0, RESOLVE_BENEATH));
	works(openat2(d, "e/../file", O_RDONLY, 0, RESOLVE_BENEATH));
	refused(openat2(d, "../file", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
	refused(openat2(d, "up", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
	refused(openat2(d, "root", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
	refused(openat2(d, in_scratch("d/file"), O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
	works(openat2(d, "new", O_WRONLY | O_CREAT, 0644, RESOLVE_BENEATH));
	works(access("d/new", F_OK));
}

PROBE(openat2_in_root)
{
	int d = make_tree(), fd;
	char text[16] = "";

	need(openat2(d, "file", O_RDONLY, 0, RESOLVE_IN_ROOT));
	works(openat2(d, "/file", O_RDONLY, 0, RESOLVE_IN_ROOT));
	works(openat2(d, "../../file", O_RDONLY, 0, RESOLVE_IN_ROOT));
	works(openat2(d, "root", O_RDONLY, 0, RESOLVE_IN_ROOT));
	fd = (int)works(openat2(d, "up", O_RDONLY, 0, RESOLVE_IN_ROOT));
	works(read(fd, text, sizeof(text)));
	same_text(text, "inside");
	refused(openat2(d, "/missing", O_RDONLY, 0, RESOLVE_IN_ROOT), ENOENT);
}

PROBE(openat2_no_symlinks)
{
	int d = make_tree();

	need(openat2(d, "file", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	refused(openat2(d, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
	works(symlink("d", "way"));
	refused(openat2(AT_FDCWD, "way/file", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
	works(openat2(AT_FDCWD, "d/../file", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
}

PROBE(openat2_no_magic_links)
{
	char path[64];
	int d = make_tree();

	need(openat2(d, "file", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	works(openat2(d, "link", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", d);
	refused(openat2(AT_FDCWD, path, O_RDONLY, 0, RESOLVE_NO_MAGICLINKS), ELOOP);
	works(openat2(AT_FDCWD, path, O_RDONLY, 0, 0));
}

PROBE(openat2_no_other_file_system)
{
	int root = (int)works(open("/", O_PATH | O_DIRECTORY));

	put("file", "x");
	need(openat2(AT_FDCWD, "file", O_RDONLY, 0, RESOLVE_NO_XDEV));
	works(openat2(AT_FDCWD, "./file", O_RDONLY, 0, RESOLVE_NO_XDEV));
	refused(openat2(root, "proc/self/status", O_RDONLY, 0, RESOLVE_NO_XDEV), EXDEV);
}

/* What is done with descriptors afterwards is the kernel's. */

PROBE(locks_of_processes)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = (int)works(open("file", O_RDWR | O_CREAT, 0644));
	pid_t pid;

	works(fcntl(fd, F_SETLK, &lock));
	pid = spawn();
	if (!pid) {
		int own = (int)works(open("file", O_RDWR));

		refused(fcntl(own, F_SETLK, &lock), EAGAIN);
		works(fcntl(own, F_GETLK, &lock));
		equal(lock.l_pid, getppid());
		_exit(0);
	}
	join(pid);
	/* The lock goes when any descriptor of the file is closed by its owner. */
	works(close((int)works(open("file", O_RDONLY))));
	pid = spawn();
	if (!pid) {
		lock.l_type = F_WRLCK;
		works(fcntl((int)works(open("file", O_RDWR)), F_SETLK, &lock));
		_exit(0);
	}
	join(pid);
}

PROBE(locks_of_descriptions)
{
	int first = (int)works(open("file", O_RDWR | O_CREAT, 0644));
	int second = (int)works(open("file", O_RDWR));

	works(flock(first, LOCK_EX | LOCK_NB));
	refused(flock(second, LOCK_EX | LOCK_NB), EAGAIN);
	works(flock(dup(first), LOCK_UN));
	works(flock(second, LOCK_EX | LOCK_NB));
}

PROBE(lease_of_a_file)
{
	int fd;

	put("file", "x");
	fd = (int)works(open("file", O_RDONLY));
	works(fcntl(fd, F_SETLEASE, F_RDLCK));
	works(fcntl(fd, F_SETLEASE, F_UNLCK));
}

static volatile sig_atomic_t lease_broken;

static void note_broken_lease(int signal)
{
	lease_broken = signal;
}

/* Whoever opens a file waits until a lease is given up; nobody else may wait with it. */
PROBE(lease_that_is_in_the_way)
{
	sigset_t broken, before;
	int fd;

	sigemptyset(&broken);
	sigaddset(&broken, SIGIO);
	works(sigprocmask(SIG_BLOCK, &broken, &before));
	works((long)signal(SIGIO, note_broken_lease));
	put("file", "x");
	fd = (int)works(open("file", O_RDWR));
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		pid_t pid;

		works(fcntl(fd, F_SETLEASE, F_WRLCK));
		pid = spawn();
		if (!pid) {
			if (flags)
				refused(open("file", O_RDONLY | flags), EWOULDBLOCK);
			else
				equal(works(fcntl((int)works(open("file", O_RDONLY)), F_GETFL)) &
				      O_NONBLOCK, 0);
			_exit(0);
		}
		for (lease_broken = 0; !lease_broken;)
			sigsuspend(&before);
		if (flags)
			join(pid);
		works(fcntl(fd, F_SETLEASE, F_UNLCK));
		if (!flags)
			join(pid);
	}
}

PROBE(transfer_between_descriptors)
{
	int in, out, ends[2];

	put("from", "1234567890");
	in = (int)works(open("from", O_RDONLY));
	out = (int)works(open("to", O_WRONLY | O_CREAT, 0644));
	works(pipe(ends));
	equal(sendfile(out, in, NULL, 4), 4);
	equal(splice(in, NULL, ends[1], NULL, 3, 0), 3);
	equal(splice(ends[0], NULL, out, NULL, 3, 0), 3);
	equal(copy_file_range(in, NULL, out, NULL, 3, 0), 3);
	same_text(get("to"), "1234567890");
}
