/* How paths are followed: path_resolution(7). */
#include "probe.h"

#include <limits.h>
#include <sys/mman.h>
#include <time.h>

static long size_of(const char *path)
{
	struct stat seen;

	return stat(path, &seen) ? -1 : (long)seen.st_size;
}

PROBE(link_relative)
{
	works(mkdir("d", 0755));
	put("d/file", "12345");
	works(symlink("file", "d/link"));
	works(symlink("d/link", "other"));
	equal(size_of("other"), 5);
}

PROBE(link_absolute)
{
	put("file", "12345");
	works(symlink(in_scratch("file"), "link"));
	equal(size_of("link"), 5);
	same_text(get("link"), "12345");
}

PROBE(link_absolute_in_the_middle)
{
	works(mkdir("d", 0755));
	works(mkdir("d/e", 0755));
	put("d/e/file", "12345");
	works(symlink(in_scratch("d"), "link"));
	equal(size_of("link/e/file"), 5);
	equal(size_of("link/../d/e/file"), 5);
}

PROBE(links_forty)
{
	char name[16], target[16] = "file";

	put("file", "12345");
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		works(symlink(target, name));
		memcpy(target, name, sizeof(name));
	}
	equal(size_of(name), 5);
}

PROBE(links_more_than_forty)
{
	char name[16], target[16] = "file";
	struct stat seen;

	put("file", "12345");
	for (int i = 0; i < 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		works(symlink(target, name));
		memcpy(target, name, sizeof(name));
	}
	refused(stat(name, &seen), ELOOP);
	refused(open(name, O_RDONLY), ELOOP);
	works(lstat(name, &seen));
}

PROBE(link_to_itself)
{
	struct stat seen;

	works(symlink("loop", "loop"));
	works(symlink("b", "a"));
	works(symlink("a", "b"));
	refused(stat("loop", &seen), ELOOP);
	refused(open("a", O_RDONLY), ELOOP);
	refused(stat("loop/x", &seen), ELOOP);
	refused(open("b", O_WRONLY | O_CREAT, 0644), ELOOP);
	refused(access("a", F_OK), ELOOP);
}

PROBE(link_dangling)
{
	struct stat seen;

	works(symlink("missing", "link"));
	refused(stat("link", &seen), ENOENT);
	refused(open("link", O_RDONLY), ENOENT);
	refused(access("link", F_OK), ENOENT);
	works(lstat("link", &seen));
	refused(mkdir("link", 0755), EEXIST);
}

PROBE(link_dangling_created_through)
{
	works(symlink(in_scratch("made"), "absolute"));
	works(close((int)works(open("absolute", O_WRONLY | O_CREAT, 0644))));
	works(access("made", F_OK));
	works(symlink("made2", "relative"));
	works(close((int)works(open("relative", O_WRONLY | O_CREAT, 0644))));
	works(access("made2", F_OK));
}

PROBE(link_dangling_exclusive)
{
	works(symlink("missing", "link"));
	refused(open("link", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	refused(access("missing", F_OK), ENOENT);
}

PROBE(link_with_trailing_slash)
{
	struct stat seen;

	works(mkdir("d", 0755));
	works(symlink("d", "link"));
	works(lstat("link", &seen));
	check(S_ISLNK(seen.st_mode));
	works(lstat("link/", &seen));
	check(S_ISDIR(seen.st_mode));
	works(lstat("link/.", &seen));
	check(S_ISDIR(seen.st_mode));
}

PROBE(file_with_trailing_slash)
{
	struct stat seen;

	put("file", "x");
	works(symlink("file", "link"));
	refused(stat("file/", &seen), ENOTDIR);
	refused(lstat("file/", &seen), ENOTDIR);
	refused(open("file/", O_RDONLY), ENOTDIR);
	refused(stat("link/", &seen), ENOTDIR);
	refused(stat("file/.", &seen), ENOTDIR);
	refused(stat("file/..", &seen), ENOTDIR);
	refused(open("new/", O_WRONLY | O_CREAT, 0644), EISDIR);
}

PROBE(file_as_directory)
{
	struct stat seen;

	put("file", "x");
	refused(stat("file/x", &seen), ENOTDIR);
	refused(open("file/x", O_WRONLY | O_CREAT, 0644), ENOTDIR);
	refused(mkdir("file/x", 0755), ENOTDIR);
	refused(unlink("file/x"), ENOTDIR);
	refused(access("file/x", F_OK), ENOTDIR);
}

PROBE(missing_component)
{
	struct stat seen;

	refused(stat("a/b", &seen), ENOENT);
	refused(stat("a/..", &seen), ENOENT);
	refused(open("a/b", O_WRONLY | O_CREAT, 0644), ENOENT);
	refused(mkdir("a/b", 0755), ENOENT);
	refused(symlink("x", "a/b"), ENOENT);
}

PROBE(parent)
{
	works(mkdir("a", 0755));
	works(mkdir("a/b", 0755));
	put("a/file", "12345");
	equal(size_of("a/b/../file"), 5);
	works(chdir("a/b"));
	equal(size_of("../file"), 5);
	equal(size_of("../../a/./b/.././file"), 5);
}

PROBE(parent_of_link_target)
{
	works(mkdir("a", 0755));
	works(mkdir("a/b", 0755));
	put("a/file", "12345");
	works(symlink("a/b", "link"));
	equal(size_of("link/../file"), 5);
	works(chdir("link"));
	equal(size_of("../file"), 5);
}

PROBE(above_the_root)
{
	char path[8192] = "";
	struct stat root, above;

	put("file", "12345");
	for (int i = 0; i < 100; i++)
		strcat(path, "/..");
	works(stat("/", &root));
	works(stat(path, &above));
	equal(above.st_ino, root.st_ino);
	equal(above.st_dev, root.st_dev);
	strcat(path, in_scratch("file"));
	equal(size_of(path), 5);
	works(symlink(path, "link"));
	equal(size_of("link"), 5);
	equal(size_of(path + 1), 5);
}

PROBE(above_the_root_relative)
{
	char path[8192] = "";
	struct stat root, above;

	for (int i = 0; i < 100; i++)
		strcat(path, "../");
	works(stat("/", &root));
	works(stat(path, &above));
	equal(above.st_ino, root.st_ino);
	works(chdir("/"));
	works(stat("..", &above));
	equal(above.st_ino, root.st_ino);
	strcat(path, in_scratch("") + 1);
	works(stat(path, &above));
	works(chdir(path));
}

PROBE(slashes_and_dots)
{
	char path[8192];

	put("file", "12345");
	snprintf(path, sizeof(path), "//%s///.//./file", scratch);
	equal(size_of(path), 5);
	equal(size_of(".//file"), 5);
	equal(size_of("././file"), 5);
}

PROBE(name_of_255_bytes)
{
	char name[300];
	struct stat seen;

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	put(name, "12345");
	equal(size_of(name), 5);
	works(unlink(name));
	name[255] = 'n';
	name[256] = 0;
	refused(stat(name, &seen), ENAMETOOLONG);
	refused(open(name, O_WRONLY | O_CREAT, 0644), ENAMETOOLONG);
	refused(mkdir(name, 0755), ENAMETOOLONG);
	refused(access(name, F_OK), ENAMETOOLONG);
}

PROBE(name_of_odd_bytes)
{
	const char *names[] = {" ", "a:b", "new\nline", "caf\xc3\xa9", "\xff\xfe", "-n", "*", "\\", "..."};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		put(names[i], "12345");
		equal(size_of(names[i]), 5);
		equal(size_of(in_scratch(names[i])), 5);
		works(unlink(names[i]));
	}
}

PROBE(path_of_4095_bytes)
{
	static char path[5000];
	struct stat seen;
	size_t length;

	put("file", "12345");
	memset(path, 0, sizeof(path));
	for (length = 0; length < 4090; length += 2)
		memcpy(path + length, "./", 2);
	path[length++] = '/';
	memcpy(path + length, "file", 5);
	equal(strlen(path), 4095);
	equal(size_of(path), 5);
	memmove(path + 1, path, 4096);
	path[0] = '.';
	path[1] = '/';
	equal(strlen(path), 4096);
	refused(stat(path, &seen), ENAMETOOLONG);
	refused(open(path, O_RDONLY), ENAMETOOLONG);
	refused(mkdir(path, 0755), ENAMETOOLONG);
}

PROBE(deep_directory)
{
	static char absolute[8192];
	char name[201];
	struct stat seen;

	memset(name, 'd', 200);
	name[200] = 0;
	for (int i = 0; i < 25; i++) {
		works(mkdir(name, 0755));
		works(chdir(name));
	}
	put("file", "12345");
	equal(size_of("file"), 5);
	works(symlink("file", "link"));
	same_text(get("link"), "12345");
	works(mkdir("x", 0755));
	works(rename("file", "x/moved"));
	equal(size_of("x/../x/moved"), 5);
	works(stat(".", &seen));
	works(stat("..", &seen));
	refused(syscall(SYS_getcwd, absolute, 4096), ENAMETOOLONG);
	works(unlink("x/moved"));
	for (int i = 0; i < 25; i++)
		works(chdir(".."));
	works(stat(name, &seen));
	same_text(getcwd(absolute, sizeof(absolute)), scratch);
}

/* Wherever the limit on the length of paths comes to lie: within a name, at its end, behind it. */
PROBE(deep_directories_of_each_length)
{
	enum { LONG = 200, SHORT = 16, LONG_ONES = 18, ALL = 50 };
	static char name[LONG + 1], path[16384];

	memset(name, 'd', LONG);
	for (int first = 1; first <= SHORT + 1; first++) {
		struct stat here, seen;

		for (int i = 0; i < ALL; i++) {
			int fd;

			name[i == 0 ? first : i <= LONG_ONES ? LONG : SHORT] = 0;
			works(mkdir(name, 0755));
			works(stat(".", &here));
			works(chdir(name));
			works(fd = open("..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
			works(fstatat(fd, ".", &seen, 0));
			equal(seen.st_ino, here.st_ino);
			works(fstatat(fd, name, &seen, AT_SYMLINK_NOFOLLOW));
			works(stat(".", &here));
			equal(seen.st_ino, here.st_ino);
			works(close(fd));
			memset(name, 'd', LONG);
		}
#ifdef __GLIBC__ /* it looks for the names on the way up */
		check(getcwd(path, sizeof(path)));
		check(strlen(path) > PATH_MAX);
#endif
		for (int i = ALL; i--;) {
			name[i == 0 ? first : i <= LONG_ONES ? LONG : SHORT] = 0;
			works(chdir(".."));
			works(rmdir(name));
			memset(name, 'd', LONG);
		}
	}
	same_text(getcwd(path, sizeof(path)), scratch);
}

PROBE(path_is_null)
{
	struct stat seen;

	refused(syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY), EFAULT);
	refused(syscall(SYS_newfstatat, AT_FDCWD, NULL, &seen, 0), EFAULT);
	refused(syscall(SYS_faccessat, AT_FDCWD, NULL, F_OK), EFAULT);
	refused(syscall(SYS_mkdirat, AT_FDCWD, NULL, 0755), EFAULT);
	refused(syscall(SYS_unlinkat, AT_FDCWD, NULL, 0), EFAULT);
	refused(syscall(SYS_chdir, NULL), EFAULT);
	refused(syscall(SYS_execve, NULL, NULL, NULL), EFAULT);
	refused(syscall(SYS_readlinkat, AT_FDCWD, NULL, &seen, sizeof(seen)), EFAULT);
}

PROBE(path_is_a_bad_pointer)
{
	const char *bad = (const char *)0x7000dead0000;
	struct stat seen;

	put("file", "x");
	refused(syscall(SYS_openat, AT_FDCWD, bad, O_RDONLY), EFAULT);
	refused(syscall(SYS_newfstatat, AT_FDCWD, bad, &seen, 0), EFAULT);
	refused(syscall(SYS_symlinkat, "x", AT_FDCWD, bad), EFAULT);
	refused(syscall(SYS_symlinkat, bad, AT_FDCWD, "x"), EFAULT);
	refused(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, bad, 0), EFAULT);
	refused(syscall(SYS_renameat2, AT_FDCWD, bad, AT_FDCWD, "file", 0), EFAULT);
	refused(syscall(SYS_execve, bad, NULL, NULL), EFAULT);
	refused(syscall(SYS_openat, AT_FDCWD, (void *)-1L, O_RDONLY), EFAULT);
	works(access("file", F_OK));
}

PROBE(path_at_the_end_of_a_mapping)
{
	long page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stat seen;

	put("file", "12345");
	works(munmap(memory + page, (size_t)page));
	memcpy(memory + page - 5, "file", 5);
	equal(size_of(memory + page - 5), 5);
	memcpy(memory + page - 4, "file", 4);
	refused(syscall(SYS_newfstatat, AT_FDCWD, memory + page - 4, &seen, 0), EFAULT);
}

PROBE(path_is_empty)
{
	struct stat seen;

	refused(open("", O_RDONLY), ENOENT);
	refused(stat("", &seen), ENOENT);
	refused(access("", F_OK), ENOENT);
	refused(mkdir("", 0755), ENOENT);
	refused(unlink(""), ENOENT);
	refused(chdir(""), ENOENT);
	refused(symlink("", "x"), ENOENT);
	refused(symlink("x", ""), ENOENT);
	refused(rename("", "x"), ENOENT);
	refused(execve("", ARGV("x"), ARGV("A=b")), ENOENT);
	refused(truncate("", 0), ENOENT);
	refused(fstatat(AT_FDCWD, "", &seen, 0), ENOENT);
}

PROBE(directory_descriptor)
{
	int fd;
	struct stat seen;

	works(mkdir("d", 0755));
	works(mkdir("d/e", 0755));
	put("d/file", "12345");
	fd = (int)works(open("d", O_RDONLY | O_DIRECTORY));
	works(fstatat(fd, "file", &seen, 0));
	equal(seen.st_size, 5);
	works(fstatat(fd, "e/../file", &seen, 0));
	works(fstatat(fd, "..", &seen, 0));
	works(fstatat(fd, in_scratch("d/file"), &seen, 0));
	works(fstatat(-1, in_scratch("d/file"), &seen, 0));
	works(mkdirat(fd, "made", 0755));
	works(access("d/made", F_OK));
	refused(fstatat(99, "file", &seen, 0), EBADF);
	works(close(fd));
	fd = (int)works(open("d/file", O_RDONLY));
	refused(fstatat(fd, "x", &seen, 0), ENOTDIR);
	refused(openat(fd, "x", O_RDONLY), ENOTDIR);
}

PROBE(directory_descriptor_only_a_path)
{
	int fd;
	struct stat seen;

	works(mkdir("d", 0755));
	put("d/file", "12345");
	fd = (int)works(open("d", O_PATH));
	works(fstatat(fd, "file", &seen, 0));
	equal(seen.st_size, 5);
	works(close((int)works(openat(fd, "file", O_RDONLY))));
	works(fchdir(fd));
	equal(size_of("file"), 5);
}

PROBE(directory_moved)
{
	int fd;
	struct stat seen;
	char path[4096];

	works(mkdir("d", 0755));
	put("d/file", "12345");
	works(mkdir("other", 0755));
	fd = (int)works(open("d", O_RDONLY | O_DIRECTORY));
	works(chdir("d"));
	works(rename("../d", "../other/moved"));
	equal(size_of("file"), 5);
	works(fstatat(fd, "file", &seen, 0));
	same_text(getcwd(path, sizeof(path)), in_scratch("other/moved"));
	equal(size_of("../../other/moved/file"), 5);
}

PROBE(directory_removed)
{
	char path[4096];
	struct stat seen;

	works(mkdir("d", 0755));
	works(chdir("d"));
	works(rmdir("../d"));
	refused(syscall(SYS_getcwd, path, sizeof(path)), ENOENT);
	refused(open("x", O_WRONLY | O_CREAT, 0644), ENOENT);
	refused(mkdir("x", 0755), ENOENT);
	refused(stat("x", &seen), ENOENT);
	works(stat(".", &seen));
	check(S_ISDIR(seen.st_mode));
	works(chdir(scratch));
}

PROBE(directory_removed_and_made_again)
{
	char path[4096];
	struct stat seen;

	works(mkdir("d", 0755));
	works(chdir("d"));
	works(rmdir(in_scratch("d")));
	works(mkdir(in_scratch("d"), 0755));
	put(in_scratch("d/file"), "x");
	refused(syscall(SYS_getcwd, path, sizeof(path)), ENOENT);
	refused(stat("file", &seen), ENOENT);
	refused(open("new", O_WRONLY | O_CREAT, 0644), ENOENT);
}

PROBE(directory_changed)
{
	char path[4096];
	int fd;

	works(mkdir("d", 0755));
	put("file", "x");
	works(symlink("d", "link"));
	works(chdir("link"));
	same_text(getcwd(path, sizeof(path)), in_scratch("d"));
	refused(chdir("../file"), ENOTDIR);
	refused(chdir("missing"), ENOENT);
	fd = (int)works(open("..", O_RDONLY));
	works(fchdir(fd));
	same_text(getcwd(path, sizeof(path)), scratch);
	close(fd);
	fd = (int)works(open("file", O_RDONLY));
	refused(fchdir(fd), ENOTDIR);
	refused(fchdir(99), EBADF);
	works(chdir("/"));
	same_text(getcwd(path, sizeof(path)), "/");
	works(chdir(scratch));
	works(chdir(".."));
	works(chdir("../../../../../../../.."));
	same_text(getcwd(path, sizeof(path)), "/");
}

PROBE(getcwd_sizes)
{
	char path[4096];
	size_t length = strlen(scratch);

	equal(works(syscall(SYS_getcwd, path, sizeof(path))), length + 1);
	same_text(path, scratch);
	equal(works(syscall(SYS_getcwd, path, length + 1)), length + 1);
	refused(syscall(SYS_getcwd, path, length), ERANGE);
	refused(syscall(SYS_getcwd, path, 1), ERANGE);
	refused(syscall(SYS_getcwd, path, 0), ERANGE);
	refused(syscall(SYS_getcwd, NULL, 4096), EFAULT);
}

PROBE(host_file_is_hidden)
{
	char path[8192];
	struct stat seen;
	int root;

	if (!expected.absent)
		skip("--absent is not given");
	refused(open(expected.absent, O_RDONLY), ENOENT);
	refused(stat(expected.absent, &seen), ENOENT);
	refused(access(expected.absent, F_OK), ENOENT);
	refused(syscall(SYS_readlinkat, AT_FDCWD, expected.absent, path, sizeof(path)), ENOENT);
	refused(execve(expected.absent, ARGV("x"), ARGV("A=b")), ENOENT);
	refused(truncate(expected.absent, 0), ENOENT);
	refused(unlink(expected.absent), ENOENT);
	snprintf(path, sizeof(path), "../../../../../../../../../../../../../../%s", expected.absent);
	refused(open(path, O_RDONLY), ENOENT);
	root = (int)works(open("/", O_RDONLY | O_DIRECTORY));
	refused(openat(root, path, O_RDONLY), ENOENT);
	refused(openat(root, expected.absent + 1, O_RDONLY), ENOENT);
	works(symlink(path, "link"));
	refused(open("link", O_RDONLY), ENOENT);
	snprintf(path, sizeof(path), "/proc/1/root%s", expected.absent);
	check(open(path, O_RDONLY) == -1);
	snprintf(path, sizeof(path), "/proc/self/root%s", expected.absent);
	refused(open(path, O_RDONLY), ENOENT);
	snprintf(path, sizeof(path), "/proc/%d/root/..%s", (int)getppid(), expected.absent);
	check(open(path, O_RDONLY) == -1);
	snprintf(path, sizeof(path), "/proc/self/cwd/../../../../../../../../../..%s", expected.absent);
	refused(open(path, O_RDONLY), ENOENT);
}

static int is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return !strncmp(path, directory, n) && path[n] == '/';
}

#ifdef __x86_64__
/* open(2) of i386, with what tells of `syscall` in rcx. */
PROBE(host_file_is_hidden_from_int_80)
{
	static const unsigned char code[] = {
		0x53,                         /* push %rbx */
		0xb8, 5, 0, 0, 0,             /* mov $5, %eax */
		0xbb, 0x40, 0, 0, 0x20,       /* mov $0x20000040, %ebx */
		0xb9, 0x17, 0, 0, 0x20,       /* mov $0x20000017, %ecx */
		0xba, 0, 0, 0, 0,             /* mov $0, %edx */
		0xcd, 0x80,                   /* int $0x80 */
		0x5b,                         /* pop %rbx */
		0xc3                          /* ret */
	};
	char *at = mmap((void *)0x20000000, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	int (*call)(void) = (int (*)(void))(uintptr_t)at;
	int fd;

	if (!expected.absent)
		skip("--absent is not given");
	check(at != MAP_FAILED);
	memcpy(at, code, sizeof(code));
	strcpy(at + 0x40, expected.absent);
	fd = call();
	check(fd == -ENOENT || fd == -ENOSYS);
}
#endif

/* Names that become links, while they are used, to what is there only outside of the container. */
PROBE(names_that_become_links)
{
	enum { EXCHANGE = 2, MILLISECONDS = 200 };
	struct timespec start, now;
	char *outside, descriptor[64];
	int top;
	pid_t pid;

	if (!expected.absent)
		skip("--absent is not given");
	works(top = open(".", O_RDONLY | O_DIRECTORY));
	outside = strdup(expected.absent);
	*strrchr(outside, '/') = 0;
	works(mkdir("directory", 0755));
	works(symlink(outside, "other"));
	put("file", "inside");
	pid = spawn();
	while (!pid) {
		works(symlink(expected.absent, "new"));
		works(rename("new", "name"));
		syscall(SYS_renameat2, AT_FDCWD, "directory", AT_FDCWD, "other", EXCHANGE);
		works(link("file", "new"));
		works(rename("new", "name"));
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		char text[8] = "";
		int fd = open("name", O_RDONLY);

		check(fd >= 0 || errno == ENOENT);
		if (fd >= 0) {
			equal(read(fd, text, sizeof(text)), 6);
			same_text(text, "inside");
			works(close(fd));
		}
		fd = open("directory/made", O_CREAT | O_RDWR, 0644);
		check(fd >= 0 || errno == ENOENT);
		if (fd >= 0) {
			snprintf(descriptor, sizeof(descriptor), "/proc/self/fd/%d", fd);
			check(!is_below(link_text(descriptor), outside));
			works(close(fd));
			unlinkat(top, "directory/made", 0);
		}
		if (chdir("directory") == 0) {
			check(strcmp(link_text("/proc/self/cwd"), outside));
			works(fchdir(top));
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
	         MILLISECONDS);
	works(kill(pid, SIGKILL));
	equal(wait_status(pid), SIGKILL);
	free(outside);
}
