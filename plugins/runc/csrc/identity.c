#include "identity.h"

#include "kernel.h"
#include "privileges.h"
#include "supervise.h"
#include "text.h"

/* Writes all of `text` with one write, as the kernel demands for these files. */
static long write_file(const char *path, const char *text)
{
	long fd = sys_open(path, O_WRONLY), n;

	if (fd < 0)
		return fd;
	n = sys_write((int)fd, text, length(text));
	sys_close((int)fd);
	return n;
}

static long read_number(const char *path)
{
	char text[DECIMAL_SIZE];
	long fd = sys_open(path, O_RDONLY), n;

	if (fd < 0)
		return -1;
	n = sys_read((int)fd, text, sizeof text - 1);
	sys_close((int)fd);
	if (n <= 0)
		return -1;
	text[n] = 0;
	return (long)number(text, '\n', 10);
}

const char *refusal(long error)
{
	if (read_number("/proc/sys/user/max_user_namespaces") == 0)
		return " (the sysctl user.max_user_namespaces is 0)";
	if (error == -ENOSPC || error == -EUSERS)
		return " (too many user namespaces, or nested too deeply: "
		       "see the sysctl user.max_user_namespaces)";
	if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return " (the sysctl kernel.unprivileged_userns_clone is 0)";
	if (read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0)
		return " (AppArmor restricts user namespaces: "
		       "the sysctl kernel.apparmor_restrict_unprivileged_userns is 1)";
	if (error == -EINVAL || error == -ENOSYS)
		return " (this kernel has no user namespaces)";
	return " (refused by this kernel's settings, or by the container or chroot around us)";
}

/* The map of a single id when none is given. */
static struct id_map effective(const struct id_map *map, uint32_t inside, long outside)
{
	struct id_map single = {.ranges = {{inside, (uint32_t)outside, 1}}, .count = 1};

	return map->count ? *map : single;
}

static void write_map(const struct id_map *map, const char *path)
{
	char text[MAX_MAPPINGS * 3 * DECIMAL_SIZE], *line = text;
	long error;

	for (int i = 0; i < map->count; i++) {
		const struct mapping *m = &map->ranges[i];
		char in[DECIMAL_SIZE], out[DECIMAL_SIZE], count[DECIMAL_SIZE];

		join(line, sizeof text - (size_t)(line - text), decimal(in, m->inside), " ",
		     decimal(out, m->outside), " ", decimal(count, m->count), "\n", NULL);
		line += length(line);
	}
	error = write_file(path, text);
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot write the map of ids ", path,
		     error == -EPERM ? refusal(error) : "", NULL);
}

/* The helper has rights that we do not have, so it gets nothing that an image could have made: not
 * the program's environment, and none of its descriptors. */
static void run_helper(const struct id_map *map, char *pid)
{
	static char *const nothing[] = {NULL};
	char digits[MAX_MAPPINGS * 3][DECIMAL_SIZE];
	char *argv[2 + MAX_MAPPINGS * 3 + 1] = {(char *)map->helper, pid};
	int n = 2, status;
	long child;

	for (int i = 0; i < map->count; i++) {
		argv[n] = decimal(digits[n - 2], map->ranges[i].inside), n++;
		argv[n] = decimal(digits[n - 2], map->ranges[i].outside), n++;
		argv[n] = decimal(digits[n - 2], map->ranges[i].count), n++;
	}
	child = sys_fork(0);
	if (child == 0) {
		close_inherited(3, -1);
		fail(STATUS_SETUP, sys_execve(map->helper, argv, nothing), "cannot execute ",
		     map->helper, NULL);
	}
	if (child < 0 || sys_wait(child, &status, 0) < 0 || status != 0)
		fail(STATUS_SETUP, 0, map->helper, " failed. Hint: see /etc/subuid and /etc/subgid", NULL);
}

void map_ids(const struct options *o, long pid)
{
	struct id_map uids = effective(&o->uids, o->uid, CALL(geteuid, 0, 0, 0, 0, 0));
	struct id_map gids = effective(&o->gids, o->gid, CALL(getegid, 0, 0, 0, 0, 0));
	char digits[DECIMAL_SIZE], path[64];

	decimal(digits, (uint64_t)pid);
	if (!o->gids.count) {
		/* Without it an unprivileged user may not map a group (user_namespaces(7)); kernels
		 * before 3.19 do not have the file. */
		join(path, sizeof path, "/proc/", digits, "/setgroups", NULL);
		write_file(path, "deny");
	}
	if (uids.helper) {
		run_helper(&uids, digits);
	} else {
		join(path, sizeof path, "/proc/", digits, "/uid_map", NULL);
		write_map(&uids, path);
	}
	if (gids.helper) {
		run_helper(&gids, digits);
	} else {
		join(path, sizeof path, "/proc/", digits, "/gid_map", NULL);
		write_map(&gids, path);
	}
}

void become_user(const struct options *o)
{
	if (o->gids.count) {
		long error = CALL(setgroups, o->group_count, o->groups, 0, 0, 0);

		if (error >= 0)
			error = CALL(setresgid, o->gid, o->gid, o->gid, 0, 0);
		if (error >= 0)
			error = CALL(setresuid, o->uid, o->uid, o->uid, 0, 0);
		if (error == -EINVAL)
			fail(STATUS_SETUP, 0, "the user's ids are not mapped. Hint: have more in "
			     "/etc/subuid and /etc/subgid, or set runc_idmap to single", NULL);
		if (error < 0)
			fail(STATUS_SETUP, error, "cannot become the user", NULL);
	}
	if (o->uid != 0)
		drop_all_capabilities();
}
