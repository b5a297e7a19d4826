/* Making, renaming and removing names. */
#include "probe.h"

#include <limits.h>
#include <linux/fs.h>

static struct stat seen;

static long rename2(const char *from, const char *to, unsigned flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

PROBE(directories_made)
{
	int fd;

	works(mkdir("d", 0777));
	works(stat("d", &seen));
	equal(seen.st_mode, S_IFDIR | 0755);
	umask(077);
	works(mkdir("d/e/", 01777));
	works(stat("d/e", &seen));
	equal(seen.st_mode, S_IFDIR | 01700);
	fd = (int)works(open("d", O_RDONLY));
	works(mkdirat(fd, "f", 0755));
	works(mkdir(in_scratch("d/g"), 0755));
	refused(mkdir("d", 0755), EEXIST);
	refused(mkdir("/", 0755), EEXIST);
	refused(mkdir(".", 0755), EEXIST);
	refused(mkdir("..", 0755), EEXIST);
	refused(mkdirat(99, "f", 0755), EBADF);
}

PROBE(directories_removed)
{
	int fd;

	works(mkdir("d", 0755));
	works(mkdir("d/e", 0755));
	put("file", "x");
	works(symlink("d", "link"));
	refused(rmdir("d"), ENOTEMPTY);
	refused(rmdir("file"), ENOTDIR);
	refused(rmdir("link"), ENOTDIR);
	refused(rmdir("missing"), ENOENT);
	refused(rmdir("d/e/."), EINVAL);
	refused(rmdir("d/e/.."), ENOTEMPTY);
	refused(unlink("d"), EISDIR);
	fd = (int)works(open("d", O_RDONLY));
	refused(unlinkat(fd, "e", 0), EISDIR);
	works(unlinkat(fd, "e", AT_REMOVEDIR));
	works(rmdir("d/"));
	refused(unlinkat(AT_FDCWD, "file", AT_REMOVEDIR), ENOTDIR);
	refused(unlinkat(AT_FDCWD, "file", 0x8), EINVAL);
}

PROBE(names_removed)
{
	char text[8] = "";
	int fd;

	put("file", "12345");
	fd = (int)works(open("file", O_RDONLY));
	works(symlink("file", "link"));
	works(unlink("link"));
	works(access("file", F_OK));
	works(unlink(in_scratch("file")));
	refused(access("file", F_OK), ENOENT);
	equal(read(fd, text, sizeof(text)), 5);
	refused(unlink("file"), ENOENT);
	works(symlink("file", "link"));
	put("file", "x");
	refused(unlink("link/"), ENOTDIR);
}

PROBE(names_changed)
{
	put("a", "12345");
	works(rename("a", "b"));
	same_text(get("b"), "12345");
	refused(rename("a", "c"), ENOENT);
	put("c", "other");
	works(rename("b", in_scratch("c")));
	same_text(get("c"), "12345");
	works(symlink("c", "link"));
	works(rename("link", "moved"));
	works(lstat("moved", &seen));
	check(S_ISLNK(seen.st_mode));
	works(rename("c", "c"));
	works(access("c", F_OK));
#ifdef SYS_rename
	works(syscall(SYS_rename, "c", "d"));
	works(access("d", F_OK));
#endif
}

PROBE(directories_renamed)
{
	works(mkdir("a", 0755));
	works(mkdir("a/b", 0755));
	put("a/file", "12345");
	put("file", "x");
	refused(rename("a", "a/b/c"), EINVAL);
	refused(rename("a", "file"), ENOTDIR);
	refused(rename("file", "a"), EISDIR);
	refused(rename("file", "new/"), ENOTDIR);
	works(mkdir("empty", 0755));
	works(rename("a", "empty/"));
	same_text(get("empty/file"), "12345");
	works(mkdir("c", 0755));
	refused(rename("c", "empty"), ENOTEMPTY);
	refused(rename("c/.", "d"), EBUSY);
}

PROBE(rename_between_descriptors)
{
	int from, to;

	works(mkdir("a", 0755));
	works(mkdir("b", 0755));
	put("a/file", "12345");
	from = (int)works(open("a", O_RDONLY));
	to = (int)works(open("b", O_PATH));
	works(renameat(from, "file", to, "moved"));
	same_text(get("b/moved"), "12345");
	works(linkat(to, "moved", from, "again", 0));
	works(unlinkat(to, "moved", 0));
	same_text(get("a/again"), "12345");
	works(symlinkat("../a/again", to, "link"));
	same_text(get("b/link"), "12345");
}

PROBE(rename_without_replacing)
{
	put("a", "1");
	put("b", "2");
	refused(rename2("a", "b", RENAME_NOREPLACE), EEXIST);
	works(rename2("a", "c", RENAME_NOREPLACE));
	same_text(get("c"), "1");
	refused(rename2("b", "c", 0x80), EINVAL);
}

PROBE(rename_exchanges)
{
	put("a", "1");
	put("b", "2");
	works(rename2("a", "b", RENAME_EXCHANGE));
	same_text(get("a"), "2");
	same_text(get("b"), "1");
	refused(rename2("a", "missing", RENAME_EXCHANGE), ENOENT);
	refused(rename2("a", "b", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
}

PROBE(hard_links)
{
	struct stat other;

	put("a", "12345");
	works(link("a", "b"));
	works(stat("a", &seen));
	works(stat("b", &other));
	equal(seen.st_nlink, 2);
	equal(seen.st_ino, other.st_ino);
	refused(link("a", "b"), EEXIST);
	refused(link("missing", "c"), ENOENT);
	works(mkdir("d", 0755));
	refused(link("d", "c"), EPERM);
	works(unlink("a"));
	same_text(get("b"), "12345");
}

PROBE(hard_links_of_links)
{
	char path[64];

	put("file", "12345");
	works(symlink("file", "link"));
	works(link("link", "hard"));
	works(lstat("hard", &seen));
	check(S_ISLNK(seen.st_mode));
	works(linkat(AT_FDCWD, "link", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
	works(lstat("followed", &seen));
	check(S_ISREG(seen.st_mode));
	snprintf(path, sizeof(path), "/proc/self/fd/%ld", works(open("file", O_RDONLY)));
	works(linkat(AT_FDCWD, path, AT_FDCWD, "opened", AT_SYMLINK_FOLLOW));
	same_text(get("opened"), "12345");
	refused(linkat(AT_FDCWD, "file", AT_FDCWD, "new", 0x8), EINVAL);
}

PROBE(symbolic_links)
{
	char text[64];

	works(symlink("/some/../where//./else", "link"));
	same_text(link_text("link"), "/some/../where//./else");
	works(symlink(in_scratch("x"), "own"));
	same_text(link_text("own"), in_scratch("x"));
	equal(readlink("link", text, 5), 5);
	check(!memcmp(text, "/some", 5));
	text[22] = 'x';
	equal(readlink("link", text, sizeof(text)), 22);
	equal(text[22], 'x');
	refused(syscall(SYS_readlinkat, AT_FDCWD, "link", text, 0), EINVAL);
	refused(syscall(SYS_readlinkat, AT_FDCWD, "link", NULL, 10), EFAULT);
	put("file", "x");
	refused(readlink("file", text, sizeof(text)), EINVAL);
	refused(readlink("missing", text, sizeof(text)), ENOENT);
	refused(readlink("link/", text, sizeof(text)), ENOENT);
	refused(symlink("x", "link"), EEXIST);
	refused(symlink("x", "file"), EEXIST);
}

PROBE(symbolic_link_of_a_descriptor)
{
	char text[64] = "";
	int fd;

	works(symlink("target", "link"));
	fd = (int)works(open("link", O_PATH | O_NOFOLLOW));
	equal(readlinkat(fd, "", text, sizeof(text)), 6);
	same_text(text, "target");
	fd = (int)works(open(".", O_RDONLY));
	equal(readlinkat(fd, "link", text, sizeof(text)), 6);
	refused(readlinkat(fd, "", text, sizeof(text)), ENOENT);
	refused(readlinkat(99, "link", text, sizeof(text)), EBADF);
}

PROBE(symbolic_link_of_4095_bytes)
{
	static char target[5000], text[5000];

	memset(target, 'x', 4096);
	target[4095] = 0;
	works(symlink(target, "link"));
	equal(readlink("link", text, sizeof(text)), 4095);
	check(!memcmp(text, target, 4095));
	target[4095] = 'x';
	refused(symlink(target, "other"), ENAMETOOLONG);
}

PROBE(nodes)
{
	works(mknod("fifo", S_IFIFO | 0666, 0));
	works(stat("fifo", &seen));
	equal(seen.st_mode, S_IFIFO | 0644);
	works(mknod("file", S_IFREG | 0600, 0));
	works(stat("file", &seen));
	equal(seen.st_mode, S_IFREG | 0600);
	works(mknodat(AT_FDCWD, "zero", 0640, 0));
	works(stat("zero", &seen));
	equal(seen.st_mode, S_IFREG | 0640);
	works(mknod("socket", S_IFSOCK | 0600, 0));
	refused(mknod("file", S_IFREG | 0600, 0), EEXIST);
	refused(mknod("d", S_IFDIR | 0755, 0), EPERM);
	refused(mknod("missing/x", S_IFIFO | 0644, 0), ENOENT);
}
