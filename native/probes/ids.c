/* User and group ids, and capabilities: credentials(7), capabilities(7). */
#include "probe.h"

#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

struct sets {
	uint64_t effective, permitted, inheritable;
};

static struct sets capabilities(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	works(syscall(SYS_capget, &head, data));
	return (struct sets){
		data[0].effective | (uint64_t)data[1].effective << 32,
		data[0].permitted | (uint64_t)data[1].permitted << 32,
		data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

static long set_capabilities(struct sets sets)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)sets.effective, (uint32_t)sets.permitted, (uint32_t)sets.inheritable},
		{(uint32_t)(sets.effective >> 32), (uint32_t)(sets.permitted >> 32),
		 (uint32_t)(sets.inheritable >> 32)},
	};

	return syscall(SYS_capset, &head, data);
}

static void users(uid_t real, uid_t effective, uid_t saved)
{
	uid_t r, e, s;

	works(syscall(SYS_getresuid, &r, &e, &s));
	equal(r, real);
	equal(e, effective);
	equal(s, saved);
	equal(syscall(SYS_getuid), real);
	equal(syscall(SYS_geteuid), effective);
}

static void groups(gid_t real, gid_t effective, gid_t saved)
{
	gid_t r, e, s;

	works(syscall(SYS_getresgid, &r, &e, &s));
	equal(r, real);
	equal(e, effective);
	equal(s, saved);
	equal(syscall(SYS_getgid), real);
	equal(syscall(SYS_getegid), effective);
}

PROBE(ids_at_the_start)
{
	users(expected.uid, expected.uid, expected.uid);
	groups(expected.gid, expected.gid, expected.gid);
	refused(syscall(SYS_getresuid, NULL, NULL, NULL), EFAULT);
}

PROBE(root_drops_for_good)
{
	need_root();
	works(setresgid(1001, 1001, 1001));
	works(setresuid(1000, 1000, 1000));
	users(1000, 1000, 1000);
	groups(1001, 1001, 1001);
	refused(setuid(0), EPERM);
	refused(seteuid(0), EPERM);
	refused(setresuid(0, 0, 0), EPERM);
	refused(setgid(0), EPERM);
	refused(setegid(0), EPERM);
	refused(setreuid(0, 0), EPERM);
	refused(setgroups(0, NULL), EPERM);
	users(1000, 1000, 1000);
}

PROBE(root_drops_for_a_while)
{
	need_root();
	works(seteuid(1000));
	users(0, 1000, 0);
	refused(setgid(5), EPERM);
	works(seteuid(0));
	users(0, 0, 0);
	works(setegid(5));
	groups(0, 5, 0);
	works(setegid(0));
}

PROBE(setuid_of_root_sets_all)
{
	need_root();
	works(setgid(1001));
	groups(1001, 1001, 1001);
	works(setuid(1000));
	users(1000, 1000, 1000);
	works(setuid(1000));
	refused(setuid(1001), EPERM);
}

PROBE(setreuid_and_saved_ids)
{
	need_root();
	works(setreuid(1000, 1001));
	users(1000, 1001, 1001);
	works(setreuid(1001, 1000));
	users(1001, 1000, 1000);
	refused(setreuid((uid_t)-1, 0), EPERM);
}

PROBE(setregid_and_saved_ids)
{
	need_root();
	works(setregid(1000, 1001));
	groups(1000, 1001, 1001);
	works(setregid((gid_t)-1, 1002));
	groups(1000, 1002, 1002);
}

PROBE(setresuid_of_an_ordinary_user)
{
	need_root();
	works(setresuid(1000, 1001, 1002));
	users(1000, 1001, 1002);
	works(setresuid(1002, 1000, 1001));
	users(1002, 1000, 1001);
	refused(setresuid(1003, (uid_t)-1, (uid_t)-1), EPERM);
	works(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1));
	works(setresuid(1000, 1000, 1000));
	refused(setresuid(1001, 1001, 1001), EPERM);
}

PROBE(id_minus_one)
{
	need_root();
	refused(syscall(SYS_setuid, -1), EINVAL);
	refused(syscall(SYS_setgid, -1), EINVAL);
	works(syscall(SYS_setreuid, -1, -1));
	works(syscall(SYS_setregid, -1, -1));
	users(0, 0, 0);
}

PROBE(supplementary_groups)
{
	gid_t list[8] = {5, 7, 4000000000U}, got[8] = {0};

	need_root();
	works(setgroups(3, list));
	equal(getgroups(0, NULL), 3);
	equal(getgroups(8, got), 3);
	check(!memcmp(list, got, 3 * sizeof(gid_t)));
	refused(getgroups(2, got), EINVAL);
	refused(syscall(SYS_getgroups, -1, got), EINVAL);
	refused(syscall(SYS_setgroups, 65537, list), EINVAL);
	refused(syscall(SYS_setgroups, 3, NULL), EFAULT);
	equal(getgroups(0, NULL), 3);
	works(setgroups(0, NULL));
	equal(getgroups(8, got), 0);
}

PROBE(initial_groups)
{
	gid_t got[16];
	int count;

	need_root();
	works(initgroups("root", 77));
	count = (int)works(getgroups(16, got));
	check(count >= 1);
	for (int i = 0; i < count; i++)
		if (got[i] == 77)
			return;
	fail("group 77 is not among them");
}

PROBE(ids_through_fork)
{
	pid_t pid;

	need_root();
	works(seteuid(1000));
	pid = spawn();
	if (!pid) {
		users(0, 1000, 0);
		works(seteuid(0));
		works(setuid(1002));
		_exit(0);
	}
	join(pid);
	users(0, 1000, 0);
}

PROBE(ids_through_execve)
{
	const char *output;

	need_root();
	works(setresgid(1003, 1004, 1005));
	works(setresuid(1000, 1001, 1002));
	equal(run(self, ARGV(self, "--act", "ids"), NULL, &output), 0);
	same_text(output, "1000 1001 1001 1003 1004 1004\n");
}

PROBE(set_user_id_program)
{
	const char *output;
	pid_t pid;

	need_root();
	copy(self, "su", 04755);
	pid = spawn();
	if (!pid) {
		become(1000, 1001);
		equal(run("./su", ARGV("su", "--act", "ids"), NULL, &output), 0);
		same_text(output, "1000 0 0 1001 1001 1001\n");
		equal(run("./su", ARGV("su", "--act", "secure"), NULL, &output), 0);
		same_text(output, "1\n");
		equal(run(self, ARGV(self, "--act", "secure"), NULL, &output), 0);
		same_text(output, "0\n");
		_exit(0);
	}
	join(pid);
}

PROBE(set_user_id_program_becomes_root)
{
	const char *output;
	pid_t pid;

	need_root();
	copy(self, "su", 04755);
	pid = spawn();
	if (!pid) {
		become(1000, 1001);
		equal(run("./su", ARGV("su", "--act", "become-root"), NULL, &output), 0);
		same_text(output, "0 0 0 0 0 0\n");
		_exit(0);
	}
	join(pid);
}

PROBE(set_group_id_program)
{
	const char *output;
	pid_t pid;

	need_root();
	copy(self, "su", 0755);
	works(chown("su", 1002, 1003));
	works(chmod("su", 06755));
	pid = spawn();
	if (!pid) {
		become(1000, 1001);
		equal(run("./su", ARGV("su", "--act", "ids"), NULL, &output), 0);
		same_text(output, "1000 1002 1002 1001 1003 1003\n");
		_exit(0);
	}
	join(pid);
}

PROBE(set_user_id_script_stays)
{
	char text[5000];
	const char *output;
	pid_t pid;

	need_root();
	snprintf(text, sizeof(text), "#!%s --act\n", self);
	put("ids", text);
	works(chmod("ids", 04755));
	pid = spawn();
	if (!pid) {
		become(1000, 1001);
		equal(run("./ids", ARGV("ids"), NULL, &output), 0);
		same_text(output, "1000 1000 1000 1001 1001 1001\n");
		_exit(0);
	}
	join(pid);
}

PROBE(file_system_ids)
{
	struct stat seen;

	need_root();
	works(chmod(".", 0777));
	equal(setfsuid(1000), 0);
	equal(setfsuid((uid_t)-1), 1000);
	equal(setfsgid(1001), 0);
	put("file", "x");
	equal(setfsuid(0), 1000);
	equal(setfsgid(0), 1001);
	works(stat("file", &seen));
	equal(seen.st_uid, 1000);
	equal(seen.st_gid, 1001);
	users(0, 0, 0);
}

/* Threads: libc makes all threads change; the call itself changes one. */

static int pipes[2][2];

static void *wait_and_tell(void *unused)
{
	char byte;
	static uid_t uid;

	(void)unused;
	if (write(pipes[0][1], "x", 1) != 1 || read(pipes[1][0], &byte, 1) != 1)
		return NULL;
	uid = (uid_t)syscall(SYS_geteuid);
	return &uid;
}

static pthread_t start_waiting(void)
{
	pthread_t thread;
	char byte;

	works(pipe(pipes[0]));
	works(pipe(pipes[1]));
	equal(pthread_create(&thread, NULL, wait_and_tell, NULL), 0);
	equal(read(pipes[0][0], &byte, 1), 1);
	return thread;
}

PROBE(ids_of_all_threads)
{
	pthread_t thread;
	void *uid;

	need_root();
	thread = start_waiting();
	works(setresuid(1000, 1000, 1000));
	equal(write(pipes[1][1], "x", 1), 1);
	pthread_join(thread, &uid);
	check(uid);
	equal(*(uid_t *)uid, 1000);
}

PROBE(ids_of_one_thread)
{
	pthread_t thread;
	void *uid;

	need_root();
	thread = start_waiting();
	works(syscall(SYS_setresuid, 1000, 1000, 1000));
	equal(write(pipes[1][1], "x", 1), 1);
	pthread_join(thread, &uid);
	check(uid);
	equal(*(uid_t *)uid, 0);
	users(1000, 1000, 1000);
}

/* Capabilities */

enum { CHOWN = 1 << CAP_CHOWN, SETUID = 1 << CAP_SETUID };

PROBE(capabilities_of_root)
{
	struct sets sets = capabilities();

	need_root();
	equal(sets.effective, sets.permitted);
	check(sets.effective & CHOWN);
	check(sets.effective & SETUID);
	check(sets.effective & 1 << CAP_SYS_CHROOT);
}

PROBE(capabilities_of_an_ordinary_user)
{
	struct sets sets;

	need_root();
	works(setresuid(1000, 1000, 1000));
	sets = capabilities();
	equal(sets.effective, 0);
	equal(sets.permitted, 0);
	sets.effective = sets.permitted = CHOWN;
	refused(set_capabilities(sets), EPERM);
}

PROBE(capabilities_of_another_user_for_a_while)
{
	struct sets sets, before = capabilities();

	need_root();
	works(seteuid(1000));
	sets = capabilities();
	equal(sets.effective, 0);
	equal(sets.permitted, before.permitted);
	works(seteuid(0));
	equal(capabilities().effective, before.effective);
}

PROBE(capabilities_given_up)
{
	struct sets sets;

	need_root();
	put("file", "x");
	sets = capabilities();
	sets.effective &= ~(uint64_t)CHOWN;
	works(set_capabilities(sets));
	equal(capabilities().effective, sets.effective);
	refused(chown("file", 12, 34), EPERM);
	sets.effective |= CHOWN;
	works(set_capabilities(sets));
	works(chown("file", 12, 34));
	sets.effective &= ~(uint64_t)SETUID;
	sets.permitted &= ~(uint64_t)SETUID;
	works(set_capabilities(sets));
	refused(setresuid(1000, 1000, 1000), EPERM);
	sets.permitted |= SETUID;
	refused(set_capabilities(sets), EPERM);
}

PROBE(capabilities_kept)
{
	struct sets sets, before = capabilities();

	need_root();
	equal(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0), 0);
	works(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
	equal(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0), 1);
	works(setresuid(1000, 1000, 1000));
	sets = capabilities();
	equal(sets.permitted, before.permitted);
	equal(sets.effective, 0);
	sets.effective = SETUID;
	works(set_capabilities(sets));
	works(setresuid(0, 0, 0));
}

PROBE(capabilities_of_the_bounding_set)
{
	need_root();
	equal(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0), 1);
	works(prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0));
	equal(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0), 0);
	refused(prctl(PR_CAPBSET_READ, 64, 0, 0, 0), EINVAL);
	check(capabilities().permitted & CHOWN);
	equal(run(self, ARGV(self, "--act", "capability", "0"), NULL, NULL), 1);
	equal(run(self, ARGV(self, "--act", "capability", "7"), NULL, NULL), 0);
}

PROBE(capabilities_through_execve)
{
	need_root();
	equal(run(self, ARGV(self, "--act", "capability", "0"), NULL, NULL), 0);
	works(setresuid(1000, 1000, 1000));
	equal(run(self, ARGV(self, "--act", "capability", "0"), NULL, NULL), 1);
}

PROBE(capabilities_of_the_ambient_set)
{
	struct sets sets;

	need_root();
	sets = capabilities();
	sets.inheritable |= CHOWN;
	works(set_capabilities(sets));
	works(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	equal(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 1);
	works(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	equal(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 0);
	refused(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0), EPERM);
}

PROBE(capabilities_call)
{
	struct __user_cap_header_struct head = {0x12345678, 0};
	struct __user_cap_data_struct data[2];

	refused(syscall(SYS_capget, &head, data), EINVAL);
	equal(head.version, _LINUX_CAPABILITY_VERSION_3);
	works(syscall(SYS_capget, &head, NULL));
	head.pid = getpid();
	works(syscall(SYS_capget, &head, data));
	refused(syscall(SYS_capget, NULL, data), EFAULT);
}

PROBE(mask_of_creation)
{
	const char *output;

	equal(umask(0137), 022);
	equal(run(self, ARGV(self, "--act", "umask"), NULL, &output), 0);
	same_text(output, "137\n");
	equal(umask(01777), 0137);
	equal(umask(0), 0777);
}

PROBE(root_changed)
{
	char path[64];
	struct stat root, seen;

	need_root();
	works(mkdir("new", 0755));
	works(mkdir("new/d", 0755));
	put("new/file", "12345");
	put("new/d/other", "x");
	works(symlink("/file", "new/d/link"));
	works(chroot("new"));
	works(chdir("/"));
	works(stat("/", &root));
	works(stat("/../..", &seen));
	equal(seen.st_ino, root.st_ino);
	same_text(get("/file"), "12345");
	same_text(get("/d/link"), "12345");
	same_text(get("/../../d/../file"), "12345");
	works(chdir("d"));
	same_text(getcwd(path, sizeof(path)), "/d");
	same_text(get("../../../../file"), "12345");
	refused(stat(scratch, &seen), ENOENT);
	refused(chroot("/file"), ENOTDIR);
	refused(chroot("/missing"), ENOENT);
}

PROBE(root_changed_for_a_program)
{
	char path[64];
	pid_t pid;

	need_root();
	works(mkdir("new", 0755));
	works(mkdir("new/new", 0755));
	put("new/new/file", "12345");
	put("new/file", "outer");
	pid = spawn();
	if (!pid) {
		works(chroot("new/new"));
		works(chdir("/"));
		same_text(get("/file"), "12345");
		same_text(getcwd(path, sizeof(path)), "/");
		_exit(0);
	}
	join(pid);
	same_text(get("new/file"), "outer");
	works(access(self, F_OK));
}

PROBE(root_not_changed_by_a_user)
{
	need_root();
	works(mkdir("new", 0755));
	become(1000, 1000);
	refused(chroot("new"), EPERM);
}

PROBE(password_file)
{
	if (access("/etc/passwd", R_OK))
		skip("no /etc/passwd");
	check(getpwuid(0));
	same_text(getpwuid(0)->pw_name, "root");
	check(!getpwnam("no-such-user-here"));
}
