/* Owners and devices, which root may set, are remembered. */
#include "probe.h"

#include <sys/sysmacros.h>

static struct stat seen;

static void owned(const char *path, uid_t uid, gid_t gid)
{
	struct extended found;
	int fd;

	works(lstat(path, &seen));
	equal(seen.st_uid, uid);
	equal(seen.st_gid, gid);
	works(fstatat(AT_FDCWD, in_scratch(path), &seen, AT_SYMLINK_NOFOLLOW));
	equal(seen.st_uid, uid);
	fd = (int)works(open(path, O_PATH | O_NOFOLLOW));
	works(fstat(fd, &seen));
	equal(seen.st_uid, uid);
	equal(seen.st_gid, gid);
	if (!syscall(SYS_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, EXTENDED_ALL, &found)) {
		equal(found.uid, uid);
		equal(found.gid, gid);
	}
	works(close(fd));
}

PROBE(owner_of_a_file)
{
	int fd;

	need_root();
	put("file", "x");
	owned("file", 0, 0);
	works(chown("file", 12, 34));
	owned("file", 12, 34);
	works(chown("file", (uid_t)-1, 35));
	owned("file", 12, 35);
	works(chown("file", 13, (gid_t)-1));
	owned("file", 13, 35);
	fd = (int)works(open("file", O_RDWR));
	works(fchown(fd, 14, 36));
	owned("file", 14, 36);
	works(fchownat(AT_FDCWD, in_scratch("file"), 15, 37, 0));
	owned("file", 15, 37);
	works(fchownat(fd, "", 16, 38, AT_EMPTY_PATH));
	owned("file", 16, 38);
	works(chown("file", 0, 0));
	owned("file", 0, 0);
	works(chown("file", 100000, 4000000000U));
	owned("file", 100000, 4000000000U);
	refused(chown("missing", 1, 1), ENOENT);
	refused(fchown(99, 1, 1), EBADF);
	refused(fchownat(AT_FDCWD, "file", 1, 1, 0x8), EINVAL);
}

PROBE(owner_of_a_link)
{
	need_root();
	put("file", "x");
	works(symlink("file", "link"));
	works(lchown("link", 12, 34));
	owned("link", 12, 34);
	owned("file", 0, 0);
	works(chown("link", 13, 35));
	owned("link", 12, 34);
	owned("file", 13, 35);
	works(fchownat(AT_FDCWD, "link", 14, 36, AT_SYMLINK_NOFOLLOW));
	owned("link", 14, 36);
}

PROBE(owner_of_a_directory)
{
	need_root();
	works(mkdir("d", 0755));
	works(chown("d", 12, 34));
	owned("d", 12, 34);
	put("d/file", "x");
	owned("d/file", 0, 0);
	works(rmdir("d") == -1 ? 0 : -1);
	works(unlink("d/file"));
	works(rmdir("d"));
}

PROBE(owner_goes_with_the_file)
{
	need_root();
	put("file", "x");
	works(chown("file", 12, 34));
	works(link("file", "hard"));
	owned("hard", 12, 34);
	works(rename("file", "moved"));
	owned("moved", 12, 34);
	works(unlink("hard"));
	owned("moved", 12, 34);
	works(chmod("moved", 0600));
	works(truncate("moved", 100));
	owned("moved", 12, 34);
}

PROBE(owner_seen_by_others)
{
	pid_t pid;

	need_root();
	put("file", "x");
	pid = spawn();
	if (!pid) {
		works(chown("file", 12, 34));
		_exit(0);
	}
	join(pid);
	owned("file", 12, 34);
	equal(run(self, ARGV(self, "--act", "owner", "file", "12", "34"), NULL, NULL), 0);
}

PROBE(owner_forgotten_with_the_file)
{
	need_root();
	for (int i = 0; i < 50; i++) {
		put("file", "x");
		owned("file", 0, 0);
		works(chown("file", 12, 34));
		works(unlink("file"));
	}
	put("file", "x");
	works(chown("file", 12, 34));
	put("other", "x");
	works(rename("other", "file"));
	owned("file", 0, 0);
	works(mkdir("d", 0755));
	works(chown("d", 12, 34));
	works(rmdir("d"));
	works(mkdir("d", 0755));
	owned("d", 0, 0);
}

PROBE(owner_of_a_deleted_file)
{
	int fd;

	need_root();
	put("file", "x");
	fd = (int)works(open("file", O_RDWR));
	works(unlink("file"));
	works(fchown(fd, 12, 34));
	works(fstat(fd, &seen));
	equal(seen.st_uid, 12);
	equal(seen.st_gid, 34);
}

PROBE(owner_change_drops_set_id_bits)
{
	need_root();
	put("file", "x");
	works(chmod("file", 06755));
	works(chown("file", 12, 34));
	works(stat("file", &seen));
	equal(seen.st_mode & 07777, 0755);
	works(chmod("file", 06755));
	works(stat("file", &seen));
	equal(seen.st_mode & 07777, 06755);
	works(mkdir("d", 0755));
	works(chmod("d", 02755));
	works(chown("d", 12, 34));
	works(stat("d", &seen));
	equal(seen.st_mode & 07777, 02755);
}

PROBE(group_of_a_set_group_id_directory)
{
	need_root();
	works(mkdir("d", 0755));
	works(chown("d", 0, 34));
	works(chmod("d", 02755));
	put("d/file", "x");
	owned("d/file", 0, 34);
	works(mkdir("d/e", 0755));
	owned("d/e", 0, 34);
	works(stat("d/e", &seen));
	equal(seen.st_mode & 07777, 02755);
}

PROBE(many_owners)
{
	char name[16];

	need_root();
	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		works(close((int)works(open(name, O_WRONLY | O_CREAT, 0644))));
		works(chown(name, 1000 + i, 2000 + i));
	}
	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		works(stat(name, &seen));
		equal(seen.st_uid, 1000 + i);
		equal(seen.st_gid, 2000 + i);
		works(unlink(name));
	}
}

PROBE(devices_made)
{
	need_root();
	works(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	works(lstat("null", &seen));
	equal(seen.st_mode, S_IFCHR | 0644);
	equal(seen.st_rdev, makedev(1, 3));
	works(mknod("disk", S_IFBLK | 0600, makedev(7, 300)));
	works(stat("disk", &seen));
	equal(seen.st_mode, S_IFBLK | 0600);
	equal(major(seen.st_rdev), 7);
	equal(minor(seen.st_rdev), 300);
	works(chmod("null", 0600));
	works(chown("null", 12, 34));
	works(stat("null", &seen));
	equal(seen.st_mode, S_IFCHR | 0600);
	equal(seen.st_rdev, makedev(1, 3));
	equal(seen.st_uid, 12);
	works(rename("null", "moved"));
	works(stat("moved", &seen));
	check(S_ISCHR(seen.st_mode));
	refused(mknod("moved", S_IFCHR | 0666, makedev(1, 3)), EEXIST);
}

PROBE(devices_in_statx)
{
	struct extended found;

	need_root();
	works(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	need(syscall(SYS_statx, AT_FDCWD, "null", 0, EXTENDED_ALL, &found));
	equal(found.mode, S_IFCHR | 0644);
	equal(found.rdev_major, 1);
	equal(found.rdev_minor, 3);
}

PROBE(devices_forgotten)
{
	need_root();
	for (int i = 0; i < 20; i++) {
		works(mknod("file", S_IFCHR | 0666, makedev(1, 3)));
		works(unlink("file"));
		put("file", "x");
		works(stat("file", &seen));
		check(S_ISREG(seen.st_mode));
		equal(seen.st_rdev, 0);
		works(unlink("file"));
	}
}

PROBE(owners_are_roots)
{
	need_root();
	put("file", "x");
	works(mkdir("d", 0777));
	works(chmod("d", 0777));
	become(1000, 1000);
	refused(chown("file", 1000, 1000), EPERM);
	refused(chmod("file", 0777), EPERM);
	refused(mknod("d/null", S_IFCHR | 0666, makedev(1, 3)), EPERM);
	refused(chown("missing", 1000, 1000), ENOENT);
	put("d/own", "x");
	owned("d/own", 1000, 1000);
	works(chmod("d/own", 0600));
	works(chown("d/own", 1000, 1000));
	works(chown("d/own", (uid_t)-1, (gid_t)-1));
	refused(chown("d/own", 0, 1000), EPERM);
	refused(chown("d/own", 1000, 5), EPERM);
}

PROBE(owners_of_an_ordinary_user)
{
	if (!expected.uid)
		skip("root");
	put("file", "x");
	owned("file", expected.uid, expected.gid);
	works(chown("file", expected.uid, expected.gid));
	refused(chown("file", 0, 0), EPERM);
	refused(chown("file", expected.uid + 1, (gid_t)-1), EPERM);
	refused(mknod("null", S_IFCHR | 0666, makedev(1, 3)), EPERM);
}

PROBE(owner_is_who_creates)
{
	need_root();
	works(mkdir("d", 0777));
	works(chmod("d", 0777));
	works(setegid(2000));
	works(seteuid(1000));
	put("d/file", "x");
	works(mkdir("d/e", 0755));
	works(symlink("x", "d/link"));
	works(mkfifo("d/fifo", 0644));
	works(seteuid(0));
	works(setegid(0));
	owned("d/file", 1000, 2000);
	owned("d/e", 1000, 2000);
	owned("d/link", 1000, 2000);
	owned("d/fifo", 1000, 2000);
	put("d/root", "x");
	owned("d/root", 0, 0);
	put("d/file", "again");
	owned("d/file", 1000, 2000);
}
