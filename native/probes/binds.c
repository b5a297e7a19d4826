/* What is bound into the container by the caller: --bind, --bind-file, --nested. */
#include "probe.h"

#include <dirent.h>
#include <libgen.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char *in(const char *directory, const char *name)
{
	static char paths[16][4096];
	static int next;
	char *path = paths[next++ % 16];

	if (!directory)
		skip("not bound");
	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

PROBE(bound_directory)
{
	char path[4096];
	struct stat seen, other;

	same_text(get(in(expected.bound, "marker")), "bound\n");
	works(chdir(expected.bound));
	same_text(getcwd(path, sizeof(path)), expected.bound);
	same_text(link_text("/proc/self/cwd"), expected.bound);
	same_text(get("marker"), "bound\n");
	works(stat("..", &seen));
	snprintf(path, sizeof(path), "%s", expected.bound);
	works(stat(dirname(path), &other));
	equal(seen.st_ino, other.st_ino);
	equal(seen.st_dev, other.st_dev);
	works(chdir(".."));
	works(stat(expected.bound, &seen));
	check(S_ISDIR(seen.st_mode));
}

PROBE(bound_directory_is_written)
{
	const char *name = in(expected.bound, "written");
	struct stat seen;
	char path[64];
	int fd;

	put(name, "12345");
	same_text(get(name), "12345");
	works(stat(name, &seen));
	equal(seen.st_uid, expected.uid);
	fd = (int)works(open(name, O_RDONLY));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	same_text(link_text(path), name);
	works(rename(name, in(expected.bound, "moved")));
	works(mkdir(in(expected.bound, "d"), 0755));
	works(rmdir(in(expected.bound, "d")));
	works(unlink(in(expected.bound, "moved")));
}

PROBE(bound_directory_is_busy)
{
	char path[4096];

	in(expected.bound, "");
	refused(rmdir(expected.bound), EBUSY);
	snprintf(path, sizeof(path), "%s.moved", expected.bound);
	refused(rename(expected.bound, path), EBUSY);
	refused(mkdir(expected.bound, 0755), EEXIST);
	works(access(in(expected.bound, "marker"), F_OK));
}

PROBE(bound_directory_has_links)
{
	const char *name = in(expected.bound, "link");

	unlink(name);
	works(symlink("marker", name));
	same_text(get(name), "bound\n");
	works(unlink(name));
	put("file", "12345");
	works(symlink(in_scratch("file"), name));
	same_text(get(name), "12345");
	works(unlink(name));
	works(symlink("../../../../../../../../../../../..", name));
	same_text(get(in(name, in_scratch("file"))), "12345");
	works(unlink(name));
	works(symlink(in(expected.bound, "marker"), "into"));
	same_text(get("into"), "bound\n");
	works(symlink(expected.bound, "there"));
	same_text(get("there/marker"), "bound\n");
	works(access("there/../proc", F_OK) && errno != ENOENT ? -1 : 0);
}

PROBE(bound_directory_has_programs)
{
	const char *name = in(expected.bound, "program"), *output;
	char want[5000];

	copy(self, name, 0755);
	equal(run(name, ARGV("x", "--act", "link", "/proc/self/exe"), NULL, &output), 0);
	snprintf(want, sizeof(want), "%s\n", name);
	same_text(output, want);
	snprintf(want, sizeof(want), "#!%s --act\n", name);
	put(in(expected.bound, "exit"), want);
	works(chmod(in(expected.bound, "exit"), 0755));
	equal(run(in(expected.bound, "exit"), ARGV("x", "33"), NULL, NULL), 33);
	works(unlink(in(expected.bound, "exit")));
	works(unlink(name));
}

PROBE(bound_directory_has_sockets)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(name);
	int server = (int)works(socket(AF_UNIX, SOCK_STREAM, 0));
	const char *path = in(expected.bound, "socket");

	unlink(path);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	works(bind(server, (struct sockaddr *)&name, sizeof(name)));
	works(listen(server, 1));
	works(connect((int)works(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&name,
	              sizeof(name)));
	memset(&name, 0, sizeof(name));
	works(getsockname(server, (struct sockaddr *)&name, &size));
	same_text(name.sun_path, path);
	works(unlink(path));
}

PROBE(bound_directory_is_listed)
{
	char path[4096], *name;
	DIR *listing;
	struct dirent *entry;

	in(expected.bound, "");
	snprintf(path, sizeof(path), "%s", expected.bound);
	name = strrchr(path, '/');
	*name++ = 0;
	listing = opendir(path[0] ? path : "/");
	check(listing);
	while ((entry = readdir(listing)))
		if (!strcmp(entry->d_name, name))
			return;
	fail("%s is not listed", name);
}

PROBE(bound_directory_descriptor)
{
	int fd;
	char path[64];

	in(expected.bound, "");
	fd = (int)works(open(expected.bound, O_RDONLY | O_DIRECTORY));
	works(faccessat(fd, "marker", F_OK, 0));
	works(faccessat(fd, "../", F_OK, 0));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/marker", fd);
	same_text(get(path), "bound\n");
	works(fchdir(fd));
	works(access("marker", F_OK));
}

PROBE(bound_file)
{
	const char *path = expected.bound_file;
	struct stat seen;
	char by_descriptor[64], beside[4096];
	int fd;

	if (!path)
		skip("not bound");
	same_text(get(path), "bound\n");
	works(stat(path, &seen));
	check(S_ISREG(seen.st_mode));
	equal(seen.st_size, 6);
	fd = (int)works(open(path, O_RDWR));
	snprintf(by_descriptor, sizeof(by_descriptor), "/proc/self/fd/%d", fd);
	same_text(link_text(by_descriptor), path);
	works(symlink(path, "link"));
	same_text(get("link"), "bound\n");
	refused(unlink(path), EBUSY);
	snprintf(beside, sizeof(beside), "%s.beside", path);
	refused(rename(path, beside), EBUSY);
	put(beside, "x");
	refused(rename(beside, path), EBUSY);
	works(unlink(beside));
	refused(open(in(path, "x"), O_RDONLY), ENOTDIR);
	refused(access(in(path, ".."), F_OK), ENOTDIR);
}

PROBE(nested_directory)
{
	char path[4096];
	struct stat seen, other;

	same_text(get(in(expected.nested, "marker")), "nested\n");
	works(chdir(expected.nested));
	same_text(getcwd(path, sizeof(path)), expected.nested);
	same_text(get("marker"), "nested\n");
	snprintf(path, sizeof(path), "%s", expected.nested);
	works(stat(dirname(path), &other));
	works(stat("..", &seen));
	equal(seen.st_ino, other.st_ino);
	works(chdir(expected.bound));
	same_text(get("marker"), "bound\n");
	works(chdir(strrchr(expected.nested, '/') + 1));
	same_text(get("marker"), "nested\n");
	same_text(get("../marker"), "bound\n");
	refused(rmdir(expected.nested), EBUSY);
}
