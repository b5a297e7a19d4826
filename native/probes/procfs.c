/* What /proc says of the container's processes: proc(5). */
#include "probe.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

static struct stat seen, other;

static const char *of_process(pid_t pid, const char *name)
{
	static char paths[2][128];
	static int next;
	char *path = paths[next++ % 2];

	snprintf(path, sizeof(paths[0]), "/proc/%d/%s", (int)pid, name);
	return path;
}

static pid_t sleeper(void)
{
	pid_t pid = spawn();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	return pid;
}

static void same_file(const char *a, const char *b)
{
	works(stat(a, &seen));
	works(stat(b, &other));
	equal(seen.st_dev, other.st_dev);
	equal(seen.st_ino, other.st_ino);
}

PROBE(proc_self)
{
	char want[32];

	snprintf(want, sizeof(want), "%d", (int)getpid());
	same_text(link_text("/proc/self"), want);
	snprintf(want, sizeof(want), "%d/task/%d", (int)getpid(), (int)syscall(SYS_gettid));
	same_text(link_text("/proc/thread-self"), want);
	works(stat("/proc/self/", &seen));
	works(stat(of_process(getpid(), ""), &other));
	equal(seen.st_ino, other.st_ino);
}

PROBE(proc_exe)
{
	char text[8];
	int fd;

	same_text(link_text("/proc/self/exe"), self);
	same_text(link_text(of_process(getpid(), "exe")), self);
	same_file("/proc/self/exe", self);
	fd = (int)works(open("/proc/self/exe", O_RDONLY));
	equal(read(fd, text, 4), 4);
	check(!memcmp(text, "\177ELF", 4));
	works(lstat("/proc/self/exe", &seen));
	check(S_ISLNK(seen.st_mode));
	works(access("/proc/self/exe", R_OK | X_OK));
	refused(open("/proc/self/exe/x", O_RDONLY), ENOTDIR);
	refused(unlink("/proc/self/exe"), EPERM);
}

PROBE(proc_exe_of_programs)
{
	char path[5000];
	const char *output;

	copy(self, "program", 0755);
	snprintf(path, sizeof(path), "%s\n", in_scratch("program"));
	equal(run("./program", ARGV("x", "--act", "link", "/proc/self/exe"), NULL, &output), 0);
	same_text(output, path);
	works(symlink("program", "link"));
	equal(run("./link", ARGV("x", "--act", "link", "/proc/self/exe"), NULL, &output), 0);
	same_text(output, path);
}

PROBE(proc_cwd_and_root)
{
	works(mkdir("d", 0755));
	put("d/file", "12345");
	same_text(link_text("/proc/self/cwd"), scratch);
	works(chdir("d"));
	same_text(link_text("/proc/self/cwd"), in_scratch("d"));
	same_text(get("/proc/self/cwd/file"), "12345");
	same_text(link_text("/proc/self/root"), "/");
	same_file("/proc/self/root/", "/");
	same_file("/proc/self/root/..", "/");
	works(chdir("/proc/self/cwd"));
	same_file(".", in_scratch("d"));
	works(chdir("/proc/self/root"));
	same_file(".", "/");
}

PROBE(proc_of_another_process)
{
	pid_t pid;

	works(mkdir("d", 0755));
	works(chdir("d"));
	pid = sleeper();
	works(chdir(".."));
	same_text(link_text(of_process(pid, "cwd")), in_scratch("d"));
	same_text(link_text(of_process(pid, "exe")), self);
	same_text(link_text(of_process(pid, "root")), "/");
	same_file(of_process(pid, "cwd/."), "d");
	same_file(of_process(pid, "root/proc"), "/proc");
	works(access(of_process(pid, "status"), R_OK));
	works(kill(pid, SIGKILL));
	wait_status(pid);
	refused(access(of_process(pid, "status"), R_OK), ENOENT);
}

PROBE(proc_of_a_process_without_rights)
{
	/* Process 1 may be the host's: nothing of its files is reached. */
	int fd = open("/proc/1/root/proc/self/status", O_RDONLY);

	works(access("/proc/1", F_OK));
	if (fd >= 0)
		same_file("/proc/1/root", "/");
	check(access("/proc/1/cwd/..", F_OK) == -1 || !access("/proc/1/root", F_OK));
}

PROBE(proc_descriptors)
{
	char path[64], want[64];
	int fd, ends[2];

	put("file", "12345");
	works(symlink("file", "link"));
	fd = (int)works(open("link", O_RDONLY));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	same_text(link_text(path), in_scratch("file"));
	same_text(get(path), "12345");
	works(stat(path, &seen));
	equal(seen.st_size, 5);
	works(lstat(path, &seen));
	check(S_ISLNK(seen.st_mode));
	works(rename("file", "moved"));
	same_text(link_text(path), in_scratch("moved"));
	works(unlink("moved"));
	snprintf(want, sizeof(want), "moved (deleted)");
	same_text(link_text(path), in_scratch(want));
	same_text(get(path), "12345");
	works(pipe(ends));
	works(fstat(ends[0], &seen));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	snprintf(want, sizeof(want), "pipe:[%llu]", (unsigned long long)seen.st_ino);
	same_text(link_text(path), want);
	refused(readlink("/proc/self/fd/99", path, sizeof(path)), ENOENT);
	refused(open("/proc/self/fd/99", O_RDONLY), ENOENT);
}

PROBE(proc_descriptors_opened_again)
{
	char path[64], text[8] = "";
	int fd, again, ends[2];

	put("file", "12345");
	fd = (int)works(open("file", O_RDONLY));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = (int)works(open(path, O_RDWR));
	equal(write(again, "ab", 2), 2);
	same_text(get("file"), "ab345");
	works(pipe(ends));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	again = (int)works(open(path, O_WRONLY));
	equal(write(again, "123", 3), 3);
	equal(read(ends[0], text, sizeof(text)), 3);
	fd = (int)works(syscall(SYS_memfd_create, "probe", 0));
	equal(write(fd, "12345", 5), 5);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	same_text(get(path), "12345");
	same_text(link_text(path), "/memfd:probe (deleted)");
	works(stat(path, &seen));
	equal(seen.st_size, 5);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	works(truncate(path, 2));
	same_text(get(path), "12");
}

PROBE(proc_descriptors_of_directories)
{
	char path[64], want[8192];
	int fd;

	works(mkdir("d", 0755));
	put("d/file", "12345");
	put("file", "x");
	fd = (int)works(open("d", O_RDONLY | O_DIRECTORY));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/file", fd);
	same_text(get(path), "12345");
	snprintf(path, sizeof(path), "/proc/self/fd/%d/../file", fd);
	same_text(get(path), "x");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	works(chdir(path));
	same_text(getcwd(want, sizeof(want)), in_scratch("d"));
	fd = (int)works(open("/", O_RDONLY | O_DIRECTORY));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	same_text(link_text(path), "/");
	snprintf(want, sizeof(want), "/proc/self/fd/%d/..%s", fd, scratch);
	same_file(want, scratch);
}

PROBE(proc_descriptors_of_another_process)
{
	char path[64];
	int fd;
	pid_t pid;

	put("file", "12345");
	fd = (int)works(open("file", O_RDONLY));
	pid = sleeper();
	works(unlink("file"));
	snprintf(path, sizeof(path), "fd/%d", fd);
	works(close(fd));
	same_text(get(of_process(pid, path)), "12345");
	same_text(link_text(of_process(pid, path)), in_scratch("file (deleted)"));
	kill(pid, SIGKILL);
}

PROBE(proc_no_foreign_descriptors)
{
	const char *output;

	for (int fd = 3; fd < 1024; fd++)
		refused(fcntl(fd, F_GETFD), EBADF);
	equal(run(self, ARGV(self, "--act", "descriptors"), NULL, &output), 0);
	same_text(output, "");
}

PROBE(proc_descriptor_directory)
{
	DIR *listing;
	struct dirent *entry;
	int count = 0, fd;

	put("file", "x");
	fd = (int)works(open("file", O_RDONLY));
	listing = opendir("/proc/self/fd");
	check(listing);
	while ((entry = readdir(listing)))
		if (entry->d_name[0] != '.') {
			count++;
			check(atoi(entry->d_name) <= fd + 1);
		}
	equal(count, 5);
	works(access("/proc/self/fdinfo/0", R_OK));
}

PROBE(proc_maps)
{
	static char text[1 << 20];
	int fd = (int)works(open("/proc/self/maps", O_RDONLY));
	size_t used = 0;
	ssize_t more;
	char *line, *end, *path;
	int found = 0;

	while ((more = works(read(fd, text + used, sizeof(text) - 1 - used))) > 0)
		used += (size_t)more;
	check(used > 100);
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		path = strchr(line, '/');
		if (!path)
			continue;
		if (!strcmp(path, self))
			found = 1;
		if (strncmp(path, "/memfd:", 7) && strncmp(path, "/dev/zero", 9) && access(path, F_OK))
			fail("%s is not a file of the container", path);
	}
	check(found);
	works(access("/proc/self/smaps", R_OK));
	check(strstr(get("/proc/self/smaps"), "Rss:"));
}

static const char *status_line(const char *path, const char *key)
{
	static char line[512];
	const char *text = get(path), *found = text;

	while (found && strncmp(found, key, strlen(key)))
		found = strchr(found, '\n') ? strchr(found, '\n') + 1 : NULL;
	if (!found)
		fail("no %s in %s", key, path);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(found, "\n"), found);
	return line;
}

PROBE(proc_status)
{
	char want[512];

	snprintf(want, sizeof(want), "Pid:\t%d", (int)getpid());
	same_text(status_line("/proc/self/status", "Pid:"), want);
	snprintf(want, sizeof(want), "PPid:\t%d", (int)getppid());
	same_text(status_line("/proc/self/status", "PPid:"), want);
	same_text(status_line("/proc/self/status", "TracerPid:"), "TracerPid:\t0");
	snprintf(want, sizeof(want), "Uid:\t%d\t%d\t%d\t%d", expected.uid, expected.uid, expected.uid,
	         expected.uid);
	same_text(status_line("/proc/self/status", "Uid:"), want);
	snprintf(want, sizeof(want), "Gid:\t%d\t%d\t%d\t%d", expected.gid, expected.gid, expected.gid,
	         expected.gid);
	same_text(status_line("/proc/self/status", "Gid:"), want);
}

PROBE(proc_status_of_a_user)
{
	pid_t pid, child;

	need_root();
	pid = spawn();
	if (!pid) {
		works(setresgid(1001, 1002, 1003));
		works(setresuid(1000, 1000, 1000));
		same_text(status_line("/proc/self/status", "Uid:"), "Uid:\t1000\t1000\t1000\t1000");
		same_text(status_line("/proc/self/status", "Gid:"), "Gid:\t1001\t1002\t1003\t1002");
		same_text(status_line("/proc/self/status", "CapEff:"), "CapEff:\t0000000000000000");
		child = sleeper();
		same_text(status_line(of_process(child, "status"), "Uid:"), "Uid:\t1000\t1000\t1000\t1000");
		kill(child, SIGKILL);
		_exit(0);
	}
	join(pid);
}

PROBE(proc_names)
{
	const char *output;
	char want[64];

	works(prctl(PR_SET_NAME, "probe-name", 0, 0, 0));
	same_text(get("/proc/self/comm"), "probe-name\n");
	same_text(status_line("/proc/self/status", "Name:"), "Name:\tprobe-name");
	copy(self, "a-program", 0755);
	equal(run("./a-program", ARGV("x", "--act", "name"), NULL, &output), 0);
	same_text(output, "a-program\n");
	equal(run("./a-program", ARGV("x", "--act", "cat", "/proc/self/comm"), NULL, &output), 0);
	same_text(output, "a-program\n");
	equal(run("./a-program", ARGV("x", "--act", "cat", "/proc/self/stat"), NULL, &output), 0);
	check(strstr(output, " (a-program) R "));
	snprintf(want, sizeof(want), "%d (probe-name) ", (int)getpid());
	check(!strncmp(get("/proc/self/stat"), want, strlen(want)));
}

PROBE(proc_command_line)
{
	const char *output;
	static char got[256];

	equal(run(self, ARGV("the name", "--act", "cat", "/proc/self/cmdline", "", "last"), NULL,
	          &output), 0);
	memcpy(got, output, 255);
	check(!memcmp(got, "the name\0--act\0cat\0/proc/self/cmdline\0\0last\0", 45));
}

PROBE(proc_environment)
{
	const char *output;

	equal(run(self, ARGV("x", "--act", "cat", "/proc/self/environ"), ARGV("A=1", "B=2"), &output), 0);
	check(!memcmp(output, "A=1\0B=2\0", 9));
}

PROBE(proc_auxiliary_vector)
{
	const char *output;

	if (run(self, ARGV("x", "--act", "compare-auxiliary"), NULL, &output))
		fail("%s", output);
}

PROBE(proc_threads)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/exe", (int)getpid());
	same_text(link_text(path), self);
	snprintf(path, sizeof(path), "/proc/self/task/%d/cwd", (int)getpid());
	same_text(link_text(path), scratch);
	same_text(link_text("/proc/thread-self/exe"), self);
	check(strstr(get("/proc/thread-self/comm"), "\n"));
}

PROBE(proc_written)
{
	int fd = (int)works(open("/proc/self/comm", O_WRONLY));

	equal(write(fd, "written", 7), 7);
	same_text(get("/proc/self/comm"), "written\n");
	fd = (int)works(open("/proc/self/oom_score_adj", O_RDWR));
	equal(write(fd, "1000", 4), 4);
}

PROBE(proc_system)
{
	struct utsname name;

	works(uname(&name));
	check(!strncmp(get("/proc/sys/kernel/osrelease"), name.release, strlen(name.release)));
	works(access("/proc/self/mounts", R_OK));
	check(strlen(get("/proc/self/mountinfo")) > 10);
	check(strstr(get("/proc/meminfo"), "MemTotal"));
	check(strstr(get("/proc/filesystems"), "proc"));
	works(access("/proc/sys/kernel/random/boot_id", R_OK));
	refused(open("/proc/no-such-file", O_RDONLY), ENOENT);
	refused(open("/proc/999999999", O_RDONLY), ENOENT);
}

PROBE(proc_listing_has_us)
{
	DIR *listing = opendir("/proc");
	struct dirent *entry;

	check(listing);
	while ((entry = readdir(listing)))
		if (atoi(entry->d_name) == getpid())
			return;
	fail("no %d in /proc", (int)getpid());
}

PROBE(dev_descriptors)
{
	char path[64];
	int fd, ends[2];

	if (lstat("/dev/fd", &seen))
		skip("no /dev/fd");
	put("file", "12345");
	fd = (int)works(open("file", O_RDONLY));
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	same_text(get(path), "12345");
	works(pipe(ends));
	works(dup2(ends[0], 0));
	equal(write(ends[1], "123", 3), 3);
	works(close(ends[1]));
	same_text(get("/dev/stdin"), "123");
}
