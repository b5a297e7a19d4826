/* What is said of files: stat(2), access(2), chmod(2), times, extended attributes. */
#include "probe.h"

#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

static struct stat seen;

static long raw_statx(int directory, const char *path, int flags, unsigned mask, struct extended *to)
{
	return syscall(SYS_statx, directory, path, flags, mask, to);
}

static long mode_of(const char *path)
{
	works(lstat(path, &seen));
	return seen.st_mode & 07777;
}

PROBE(stat_of_a_file)
{
	int fd;

	put("file", "12345");
	works(syscall(SYS_newfstatat, AT_FDCWD, "file", &seen, 0));
	equal(seen.st_size, 5);
	equal(seen.st_mode, S_IFREG | 0644);
	equal(seen.st_nlink, 1);
	equal(seen.st_uid, expected.uid);
	equal(seen.st_gid, expected.gid);
	memset(&seen, 0, sizeof(seen));
	fd = (int)works(open("file", O_RDONLY));
	works(syscall(SYS_fstat, fd, &seen));
	equal(seen.st_uid, expected.uid);
	equal(seen.st_gid, expected.gid);
	equal(seen.st_size, 5);
	refused(syscall(SYS_newfstatat, AT_FDCWD, "missing", &seen, 0), ENOENT);
}

#ifdef SYS_stat
PROBE(stat_by_the_old_calls)
{
	put("file", "12345");
	works(symlink("file", "link"));
	works(syscall(SYS_stat, "link", &seen));
	equal(seen.st_mode, S_IFREG | 0644);
	equal(seen.st_uid, expected.uid);
	works(syscall(SYS_lstat, "link", &seen));
	equal(seen.st_mode, S_IFLNK | 0777);
	equal(seen.st_uid, expected.uid);
	equal(seen.st_gid, expected.gid);
	refused(syscall(SYS_stat, "missing", &seen), ENOENT);
	refused(syscall(SYS_stat, "file", NULL), EFAULT);
}
#endif

PROBE(stat_of_a_link)
{
	put("file", "12345");
	works(symlink("file", "link"));
	works(fstatat(AT_FDCWD, "link", &seen, AT_SYMLINK_NOFOLLOW));
	check(S_ISLNK(seen.st_mode));
	equal(seen.st_size, 4);
	works(fstatat(AT_FDCWD, "link", &seen, 0));
	check(S_ISREG(seen.st_mode));
	works(fstatat(AT_FDCWD, "link", &seen, AT_NO_AUTOMOUNT));
	check(S_ISREG(seen.st_mode));
	refused(fstatat(AT_FDCWD, "link", &seen, 0x8), EINVAL);
}

PROBE(stat_of_a_descriptor)
{
	int ends[2], fd;
	char path[64];

	put("file", "12345");
	fd = (int)works(open("file", O_RDONLY));
	works(syscall(SYS_newfstatat, fd, "", &seen, AT_EMPTY_PATH));
	equal(seen.st_size, 5);
	equal(seen.st_uid, expected.uid);
	works(unlink("file"));
	works(syscall(SYS_newfstatat, fd, "", &seen, AT_EMPTY_PATH));
	equal(seen.st_size, 5);
	equal(seen.st_nlink, 0);
	works(fstat(fd, &seen));
	equal(seen.st_uid, expected.uid);
	works(pipe(ends));
	works(fstat(ends[0], &seen));
	check(S_ISFIFO(seen.st_mode));
	works(syscall(SYS_newfstatat, ends[0], "", &seen, AT_EMPTY_PATH));
	check(S_ISFIFO(seen.st_mode));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	works(stat(path, &seen));
	check(S_ISFIFO(seen.st_mode));
	refused(fstat(99, &seen), EBADF);
	refused(syscall(SYS_newfstatat, 99, "", &seen, AT_EMPTY_PATH), EBADF);
	works(syscall(SYS_newfstatat, AT_FDCWD, "", &seen, AT_EMPTY_PATH));
	check(S_ISDIR(seen.st_mode));
}

PROBE(stat_into_bad_memory)
{
	int fd;

	put("file", "x");
	fd = (int)works(open("file", O_RDONLY));
	refused(syscall(SYS_newfstatat, AT_FDCWD, "file", NULL, 0), EFAULT);
	refused(syscall(SYS_newfstatat, AT_FDCWD, "file", 0x7000dead0000, 0), EFAULT);
	refused(syscall(SYS_fstat, fd, NULL), EFAULT);
}

PROBE(stat_of_directories)
{
	works(mkdir("d", 0750));
	works(stat("d", &seen));
	equal(seen.st_mode, S_IFDIR | 0750);
	equal(seen.st_uid, expected.uid);
	equal(seen.st_gid, expected.gid);
	works(stat("/", &seen));
	check(S_ISDIR(seen.st_mode));
	works(stat("/proc", &seen));
	check(S_ISDIR(seen.st_mode));
	works(stat("/dev/null", &seen));
	check(S_ISCHR(seen.st_mode));
}

PROBE(statx_of_a_file)
{
	struct extended found;
	int fd;

	put("file", "12345");
	works(symlink("file", "link"));
	need(raw_statx(AT_FDCWD, "file", 0, EXTENDED_BASIC, &found));
	equal(found.size, 5);
	equal(found.mode, S_IFREG | 0644);
	equal(found.uid, expected.uid);
	equal(found.gid, expected.gid);
	works(raw_statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, EXTENDED_BASIC, &found));
	equal(found.mode, S_IFLNK | 0777);
	works(raw_statx(AT_FDCWD, "link", 0x4000 /* AT_STATX_DONT_SYNC */, EXTENDED_ALL, &found));
	check(S_ISREG(found.mode));
	fd = (int)works(open("file", O_RDONLY));
	works(raw_statx(fd, "", AT_EMPTY_PATH, EXTENDED_BASIC, &found));
	equal(found.uid, expected.uid);
	works(stat("file", &seen));
	equal(found.inode, seen.st_ino);
	refused(raw_statx(AT_FDCWD, "missing", 0, EXTENDED_ALL, &found), ENOENT);
	refused(raw_statx(AT_FDCWD, "file", 0, EXTENDED_ALL, NULL), EFAULT);
}

PROBE(statx_arguments)
{
	struct extended found;

	put("file", "12345");
	need(raw_statx(AT_FDCWD, "file", 0, 0, &found));
	works(raw_statx(AT_FDCWD, "file", 0, EXTENDED_SIZE, &found));
	equal(found.size, 5);
	refused(raw_statx(AT_FDCWD, "file", 0x8, EXTENDED_ALL, &found), EINVAL);
	refused(raw_statx(AT_FDCWD, "file", 0, 0x80000000, &found), EINVAL);
	refused(raw_statx(AT_FDCWD, "file", 0x6000, EXTENDED_ALL, &found), EINVAL);
	refused(raw_statx(AT_FDCWD, "", 0, EXTENDED_ALL, &found), ENOENT);
}

PROBE(access_as_it_is)
{
	put("file", "x");
	works(symlink("file", "link"));
	works(access("file", F_OK));
	works(access("link", R_OK | W_OK));
	refused(access("file", X_OK), EACCES);
	works(chmod("file", 0755));
	works(access("file", X_OK));
	works(access(".", R_OK | W_OK | X_OK));
	refused(access("missing", F_OK), ENOENT);
	refused(access("file", 8), EINVAL);
	works(syscall(SYS_faccessat, AT_FDCWD, in_scratch("file"), R_OK));
}

PROBE(access_of_root)
{
	need_root();
	put("file", "x");
	works(chmod("file", 0));
	works(access("file", R_OK | W_OK));
	refused(access("file", X_OK), EACCES);
	works(mkdir("d", 0));
	works(access("d", R_OK | W_OK | X_OK));
	works(chmod("file", 01));
	works(access("file", X_OK));
}

PROBE(faccessat2_flags)
{
	int fd;

	put("file", "x");
	works(symlink("missing", "link"));
	need(syscall(SYS_faccessat2, AT_FDCWD, "file", R_OK, 0));
	works(syscall(SYS_faccessat2, AT_FDCWD, "file", R_OK | W_OK, AT_EACCESS));
	works(syscall(SYS_faccessat2, AT_FDCWD, "link", F_OK, AT_SYMLINK_NOFOLLOW));
	refused(syscall(SYS_faccessat2, AT_FDCWD, "link", F_OK, 0), ENOENT);
	refused(syscall(SYS_faccessat2, AT_FDCWD, "file", F_OK, 0x8), EINVAL);
	refused(syscall(SYS_faccessat2, AT_FDCWD, "", F_OK, 0), ENOENT);
	fd = (int)works(open("file", O_RDONLY));
	works(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
	refused(syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH), EACCES);
}

PROBE(chmod_of_files)
{
	int fd;

	put("file", "x");
	works(symlink("file", "link"));
	works(chmod("file", 0400));
	equal(mode_of("file"), 0400);
	works(chmod("link", 06755));
	equal(mode_of("file"), 06755);
	equal(mode_of("link"), 0777);
	works(syscall(SYS_fchmodat, AT_FDCWD, in_scratch("file"), 0600));
	equal(mode_of("file"), 0600);
	fd = (int)works(open("file", O_RDONLY));
	works(fchmod(fd, 0640));
	equal(mode_of("file"), 0640);
	works(mkdir("d", 0755));
	works(chmod("d", 01777));
	equal(mode_of("d"), 01777);
	refused(chmod("missing", 0644), ENOENT);
	refused(fchmod(99, 0644), EBADF);
}

PROBE(fchmodat2_flags)
{
	int fd;

	put("file", "x");
	works(symlink("file", "link"));
	need(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0600, 0));
	equal(mode_of("file"), 0600);
	works(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0640, AT_SYMLINK_NOFOLLOW));
	equal(mode_of("file"), 0640);
	refused(syscall(SYS_fchmodat2, AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
	fd = (int)works(open("file", O_PATH));
	works(syscall(SYS_fchmodat2, fd, "", 0604, AT_EMPTY_PATH));
	equal(mode_of("file"), 0604);
	refused(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0600, 0x8), EINVAL);
}

PROBE(times_of_files)
{
	struct timespec times[2] = {{100, 5}, {200, 7}};

	put("file", "x");
	works(symlink("file", "link"));
	works(utimensat(AT_FDCWD, "file", times, 0));
	works(stat("file", &seen));
	equal(seen.st_atim.tv_sec, 100);
	equal(seen.st_mtim.tv_sec, 200);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	works(utimensat(AT_FDCWD, in_scratch("link"), times, 0));
	works(stat("file", &seen));
	equal(seen.st_atim.tv_sec, 100);
	check(seen.st_mtim.tv_sec > 1000000);
	times[0] = times[1] = (struct timespec){300, 0};
	works(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW));
	works(lstat("link", &seen));
	equal(seen.st_mtim.tv_sec, 300);
	works(stat("file", &seen));
	check(seen.st_mtim.tv_sec > 1000000);
	works(utimensat(AT_FDCWD, "file", NULL, 0));
	times[0].tv_nsec = 1000000000;
	refused(utimensat(AT_FDCWD, "file", times, 0), EINVAL);
	refused(utimensat(AT_FDCWD, "missing", NULL, 0), ENOENT);
	refused(utimensat(AT_FDCWD, "file", NULL, 0x8), EINVAL);
}

PROBE(times_of_a_descriptor)
{
	struct timespec times[2] = {{100, 0}, {200, 0}};
	int fd;

	put("file", "x");
	fd = (int)works(open("file", O_RDONLY));
	works(syscall(SYS_utimensat, fd, NULL, times, 0));
	works(stat("file", &seen));
	equal(seen.st_mtim.tv_sec, 200);
	works(syscall(SYS_utimensat, fd, NULL, NULL, 0));
	works(stat("file", &seen));
	check(seen.st_mtim.tv_sec > 1000000);
	works(futimens(fd, times));
	refused(syscall(SYS_utimensat, 99, NULL, times, 0), EBADF);
	refused(syscall(SYS_utimensat, AT_FDCWD, NULL, times, 0), EFAULT);
}

#ifdef SYS_utime
PROBE(times_by_the_old_calls)
{
	struct utimbuf seconds = {100, 200};
	struct timeval times[2] = {{300, 0}, {400, 0}};

	put("file", "x");
	works(syscall(SYS_utime, "file", &seconds));
	works(stat("file", &seen));
	equal(seen.st_mtim.tv_sec, 200);
	works(syscall(SYS_utimes, in_scratch("file"), times));
	works(stat("file", &seen));
	equal(seen.st_mtim.tv_sec, 400);
	times[1].tv_sec = 500;
	works(syscall(SYS_futimesat, AT_FDCWD, "file", times));
	works(stat("file", &seen));
	equal(seen.st_mtim.tv_sec, 500);
	works(syscall(SYS_utime, "file", NULL));
	refused(syscall(SYS_utimes, "missing", NULL), ENOENT);
	works(syscall(SYS_futimesat, (int)works(open("file", O_RDONLY)), NULL, times));
}
#endif

PROBE(truncate_files)
{
	int fd;

	put("file", "12345");
	works(truncate("file", 2));
	same_text(get("file"), "12");
	works(truncate(in_scratch("file"), 4));
	works(stat("file", &seen));
	equal(seen.st_size, 4);
	fd = (int)works(open("file", O_RDWR));
	works(ftruncate(fd, 1));
	same_text(get("file"), "1");
	refused(truncate(".", 0), EISDIR);
	refused(truncate("missing", 0), ENOENT);
	refused(truncate("file", -1), EINVAL);
}

PROBE(statfs_of_paths)
{
	struct statfs by_path, by_descriptor;

	works(statfs(".", &by_path));
	works(fstatfs((int)works(open(".", O_RDONLY)), &by_descriptor));
	equal(by_path.f_type, by_descriptor.f_type);
	equal(by_path.f_bsize, by_descriptor.f_bsize);
	works(statfs("/proc", &by_path));
	equal(by_path.f_type, 0x9fa0);
	refused(statfs("missing", &by_path), ENOENT);
	refused(syscall(SYS_statfs, ".", NULL), EFAULT);
}

static void need_attributes(const char *path)
{
	if (setxattr(path, "user.test", "12345", 5, 0)) {
		check(errno == EOPNOTSUPP);
		skip("not in this file system");
	}
}

PROBE(attributes_of_a_path)
{
	char text[64] = "";

	put("file", "x");
	works(symlink("file", "link"));
	need_attributes("link");
	equal(getxattr("file", "user.test", text, sizeof(text)), 5);
	same_text(text, "12345");
	equal(getxattr(in_scratch("link"), "user.test", NULL, 0), 5);
	refused(getxattr("file", "user.test", text, 3), ERANGE);
	refused(getxattr("file", "user.none", text, 3), ENODATA);
	works(listxattr("file", text, sizeof(text)));
	check(memmem(text, sizeof(text), "user.test", 10));
	refused(setxattr("file", "user.test", "x", 1, XATTR_CREATE), EEXIST);
	refused(setxattr("file", "user.none", "x", 1, XATTR_REPLACE), ENODATA);
	works(removexattr("link", "user.test"));
	refused(getxattr("file", "user.test", text, sizeof(text)), ENODATA);
	refused(getxattr("missing", "user.test", text, sizeof(text)), ENOENT);
}

PROBE(attributes_of_a_descriptor)
{
	char text[64] = "";
	int fd;

	put("file", "x");
	need_attributes("file");
	fd = (int)works(open("file", O_RDWR));
	equal(fgetxattr(fd, "user.test", text, sizeof(text)), 5);
	works(fsetxattr(fd, "user.other", "abc", 3, 0));
	check(flistxattr(fd, text, sizeof(text)) >= 21);
	works(fremovexattr(fd, "user.test"));
	refused(fgetxattr(fd, "user.test", text, sizeof(text)), ENODATA);
}

PROBE(attributes_of_a_link)
{
	char text[64] = "";

	put("file", "x");
	works(symlink("file", "link"));
	need_attributes("file");
	refused(lsetxattr("link", "user.test", "x", 1, 0), EPERM);
	check(lgetxattr("link", "user.test", text, sizeof(text)) == -1);
	equal(lgetxattr("file", "user.test", text, sizeof(text)), 5);
	check(llistxattr("file", text, sizeof(text)) >= 10);
	works(lsetxattr("file", "user.test", "x", 1, 0));
	works(lremovexattr("file", "user.test"));
}

PROBE(attributes_by_the_new_calls)
{
	struct {
		uint64_t value;
		uint32_t size, flags;
	} arguments = {(uint64_t)(uintptr_t) "12345", 5, 0};
	enum { SETXATTRAT = 463, GETXATTRAT, LISTXATTRAT, REMOVEXATTRAT };
	char text[64] = "";
	int here;

	put("file", "x");
	need_attributes("file");
	here = (int)works(open(".", O_PATH));
	need(syscall(SETXATTRAT, here, "file", 0, "user.new", &arguments, sizeof(arguments)));
	arguments.value = (uint64_t)(uintptr_t)text;
	arguments.size = sizeof(text);
	equal(works(syscall(GETXATTRAT, here, "file", 0, "user.new", &arguments, sizeof(arguments))), 5);
	same_text(text, "12345");
	check(works(syscall(LISTXATTRAT, AT_FDCWD, "file", 0, text, sizeof(text))) >= 19);
	works(syscall(REMOVEXATTRAT, AT_FDCWD, in_scratch("file"), 0, "user.new"));
	refused(getxattr("file", "user.new", text, sizeof(text)), ENODATA);
}

PROBE(watch_a_directory)
{
	char events[4096];
	const struct inotify_event *event = (const struct inotify_event *)events;
	int fd = (int)works(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));

	works(mkdir("d", 0755));
	works(inotify_add_watch(fd, in_scratch("d"), IN_CREATE | IN_DELETE));
	put("d/file", "x");
	works(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 2000));
	check(works(read(fd, events, sizeof(events))) > (long)sizeof(*event));
	equal(event->mask, IN_CREATE);
	same_text(event->name, "file");
	refused(inotify_add_watch(fd, "missing", IN_CREATE), ENOENT);
	refused(inotify_add_watch(99, ".", IN_CREATE), EBADF);
}

PROBE(watch_does_not_follow)
{
	int fd = (int)works(inotify_init1(IN_NONBLOCK));

	works(symlink("missing", "link"));
	refused(inotify_add_watch(fd, "link", IN_ATTRIB), ENOENT);
	works(inotify_add_watch(fd, "link", IN_ATTRIB | IN_DONT_FOLLOW));
}

PROBE(handle_of_a_file)
{
	struct {
		struct file_handle head;
		unsigned char more[MAX_HANDLE_SZ];
	} handle = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount;

	put("file", "x");
	if (name_to_handle_at(AT_FDCWD, "file", &handle.head, &mount, 0)) {
		need(-1);
		check(errno == EOPNOTSUPP);
		skip("not in this file system");
	}
	refused(name_to_handle_at(AT_FDCWD, "missing", &handle.head, &mount, 0), ENOENT);
	works(name_to_handle_at((int)works(open("file", O_RDONLY)), "", &handle.head, &mount,
	                        AT_EMPTY_PATH));
}

PROBE(attributes_of_the_file_system)
{
	struct {
		uint64_t flags;
		uint32_t extent_size, extents, project, cow;
	} attributes;
	enum { FILE_GETATTR = 468 };

	put("file", "x");
	if (syscall(FILE_GETATTR, AT_FDCWD, "file", &attributes, 24, 0)) {
		need(-1);
		check(errno == EOPNOTSUPP || errno == ENOTTY);
		skip("not in this file system");
	}
	refused(syscall(FILE_GETATTR, AT_FDCWD, "missing", &attributes, 24, 0), ENOENT);
}

PROBE(listing_of_a_directory)
{
	char entries[32768], name[16];
	int fd, found = 0;
	long size;

	works(mkdir("d", 0755));
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		put(name, "");
	}
	fd = (int)works(open("d", O_RDONLY | O_DIRECTORY));
	while ((size = works(syscall(SYS_getdents64, fd, entries, sizeof(entries)))) > 0)
		for (long at = 0; at < size; found++)
			at += *(unsigned short *)(entries + at + 16);
	equal(found, 202);
}
